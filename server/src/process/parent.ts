/**
 * Notices that the parent process is gone. A SIGTERM to npm ends npm and not what it runs: without
 * this the bank would stay behind as an orphan that holds its port.
 */
const intervalMilliseconds = 250

/**
 * Calls `onGone` once when this process is given another parent. A process that is born without one
 * (a container's first, a daemon's) has nobody to lose.
 */
export function watchParent(
  onGone: () => void,
  readParentId: () => number = () => process.ppid,
): { stop(): void } {
  const parentId = readParentId()
  const timer = setInterval(() => {
    if (readParentId() === parentId) return
    clearInterval(timer)
    onGone()
  }, intervalMilliseconds)
  timer.unref()
  if (parentId <= 1) clearInterval(timer)
  return { stop: () => clearInterval(timer) }
}
