/**
 * Changes to the text of a source file, made as it is loaded. Each names the exact place; a place that
 * is not there, or there twice, is an error, so that what was to be changed is never run unchanged.
 */
export interface Patch {
  /** From `server/src`. */
  file: string
  /** The code there, whole lines or parts of one. */
  find: string
  replace: string
}

/** The text with all changes made, in their order. Throws unless each finds its one place. */
export function applyPatches(text: string, patches: readonly Patch[]): string {
  return patches.reduce((changed, { file, find, replace }) => {
    const [before, after, ...more] = changed.split(find)
    if (before === undefined || after === undefined || more.length > 0) {
      throw new Error(`${file} does not have exactly one place to patch:\n${find}`)
    }
    return before + replace + after
  }, text)
}
