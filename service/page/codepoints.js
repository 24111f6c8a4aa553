/* The service counts Unicode code points, JavaScript counts UTF-16 units: offsets from the one in the other. */

/**
 * Map code points to UTF-16 units. Half of a surrogate pair counts as one code point, here as in the service.
 *
 * @param {string} text
 * @returns {(index: number) => number} the UTF-16 offset at which the code point `index` begins; its number of code
 *   points gives the length of the text
 */
export function utf16Offsets(text) {
  const length = countCodePoints(text);
  if (length === text.length) return (index) => index;
  const offsets = new Uint32Array(length + 1);
  let unit = 0;
  for (let index = 0; index < length; index++) {
    offsets[index] = unit;
    unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
  }
  offsets[length] = unit;
  return (index) => offsets[index];
}

/** The number of code points of a text. */
export function countCodePoints(text) {
  let count = text.length;
  for (let unit = 0; unit < text.length - 1; unit++) {
    if (text.codePointAt(unit) > 0xffff) {
      count--;
      unit++;
    }
  }
  return count;
}
