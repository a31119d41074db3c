type ExpectedCall = readonly [tool: string, args: Readonly<Record<string, string>>, answer: string]

/** What the tools of the small server answer. */
export const READ: ExpectedCall = ['read_file', { path: 'a.txt' }, 'Hello']
export const WRITE: ExpectedCall = ['write_file', { path: 'b.txt', text: 'new' }, 'wrote b.txt']

/** One line, without what differs from run to run. */
export function shortened(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/localhost:\d+/g, 'localhost')
    .slice(0, 200)
}
