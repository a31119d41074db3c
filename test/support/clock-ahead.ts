/** `NODE_OPTIONS` of a process whose clock is ahead of the real one. */
export function clockAhead(seconds: number): string {
  const source = `const now = Date.now; Date.now = () => now() + ${seconds * 1000}`
  return `--import data:text/javascript,${encodeURIComponent(source)}`
}
