/**
 * Writes the line ends of an event stream as LF. CR alone ends a line as well (HTML standard, "Parsing an event stream"), also where nothing
 * follows it for long, or ever: a parser that waits to see whether LF comes would hold back the last event.
 *
 * @returns Takes the pieces of one stream in turn.
 */
export function createLineEnds(): (text: string) => string {
  let isAfterReturn = false
  return text => {
    if (text === '') return text
    const rest = isAfterReturn && text.startsWith('\n') ? text.slice(1) : text
    isAfterReturn = text.endsWith('\r')
    return rest.includes('\r') ? rest.replace(/\r\n?/g, '\n') : rest
  }
}
