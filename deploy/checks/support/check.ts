/** What a check of the deployment is: the frame in main.ts finds, runs and lists them. */

export type Verdict =
  /** `detail` tells what was looked at, in a few words. */
  | { kind: 'passed'; tool: string; detail?: string }
  | { kind: 'failed'; tool: string; problems: readonly string[] }
  /** The tool is not on this machine: `reason` says what is missing and how to have it. */
  | { kind: 'skipped'; tool: string; reason: string }

export interface Check {
  /** What is checked, in a few words; also what `npm run check:deploy -- <words>` selects by. */
  name: string
  /** Resolves with the verdict. What it throws is a failure too. */
  run(): Promise<Verdict>
}

/** Passed without problems, failed with them. */
export function judge(tool: string, problems: readonly string[], detail?: string): Verdict {
  if (problems.length > 0) return { kind: 'failed', tool, problems }
  return detail === undefined ? { kind: 'passed', tool } : { kind: 'passed', tool, detail }
}
