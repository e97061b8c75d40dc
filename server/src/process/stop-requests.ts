/**
 * Who may ask the process to stop, and what the second request means.
 *
 * The first SIGTERM, SIGINT or SIGHUP begins the drain, and so does the end of the parent. A signal
 * to a process group reaches the bank twice (npm passes on what the group was sent), so another one
 * within a second is the same request; one after that is a person who will not wait.
 */
export interface StopRequestsOptions {
  /** Begins the drain; called once. */
  onStop: (reason: string) => void
  /** Ends the process now; called once. */
  onForce: (reason: string) => void
  /** Milliseconds of a clock that never steps. */
  now?: () => number
}

const sameRequestMilliseconds = 1000

/** Makes the function to call with the reason of each request. */
export function createStopRequests({
  onStop,
  onForce,
  now = () => performance.now(),
}: StopRequestsOptions): (reason: string) => void {
  let firstAt: number | undefined
  let isForced = false
  return (reason) => {
    if (firstAt === undefined) {
      firstAt = now()
      onStop(reason)
    } else if (now() - firstAt >= sameRequestMilliseconds && !isForced) {
      isForced = true
      onForce(reason)
    }
  }
}

/** Node opens its debugger on SIGUSR1 unless somebody listens: a bank has no such door. */
export function listenToSignals(request: (reason: string) => void, onDebuggerSignal: () => void) {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => request(signal))
  }
  process.on('SIGUSR1', onDebuggerSignal)
}
