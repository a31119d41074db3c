/** A line for a shell that has these words. */
export function shellLine(...words: readonly string[]): string {
  return words.map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
}
