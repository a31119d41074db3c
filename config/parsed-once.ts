/** Context of a schema that one start of the server uses once: compiling it for many uses would take longer than this one. */
export const PARSED_ONCE = { jitless: true } as const
