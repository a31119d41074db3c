const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],]/g

/**
 * The first member that an object of a JSON text has twice. Parsers take the last one silently, and so one of two rules is lost.
 *
 * @param json - A text that was parsed before.
 */
export function repeatedKey(json: string): { readonly key: string; readonly line: number } | undefined {
  // `undefined` stands for a list.
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  for (const { 0: token, index } of json.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(token === '{' ? new Set() : undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token !== ',' && isKey) {
      const key = JSON.parse(token) as string
      if (open.at(-1)?.has(key)) return { key, line: json.slice(0, index).split('\n').length }
      open.at(-1)?.add(key)
    }
    isKey = token === '{' || (token === ',' && open.at(-1) !== undefined)
  }
  return undefined
}
