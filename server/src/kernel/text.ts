/**
 * Text that people typed and that the bank stores and shows again. It is Unicode in NFC, counted in
 * code points, without what cannot be stored (NUL, lone surrogates) and without what makes one text
 * look like another: control characters, line separators, direction marks and overrides.
 *
 * Text that is not clean is refused and never repaired, so that what comes back is what was sent.
 */

// Cc: controls, NUL and DEL among them. Cs: lone surrogates. Zl and Zp: line and paragraph
// separators. The rest are the direction characters of UAX #9 and the byte order mark. Zero-width
// joiners stay allowed: Persian, Hindi and family emoji are written with them.
const refusedCharacter =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u

// Blanks, what Unicode lets a font leave out (zero-width characters, fillers, tags), and the Braille
// pattern without dots.
const visibleCharacter = /[^\s\p{Default_Ignorable_Code_Point}\u2800]/u

/** True for clean text of 1 to `codePointsMax` code points of which at least one can be seen. */
export function isCleanText(value: string, codePointsMax: number): boolean {
  if (value.length === 0 || value.length > codePointsMax * 2) return false
  if (refusedCharacter.test(value)) return false
  if (!visibleCharacter.test(value)) return false
  if (value.normalize('NFC') !== value) return false
  return countCodePoints(value) <= codePointsMax
}

function countCodePoints(value: string): number {
  let count = 0
  for (const _ of value) count += 1
  return count
}
