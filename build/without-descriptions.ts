import type { Plugin } from 'rolldown'
import { parseAst } from 'rolldown/parseAst'

/** Where descriptions are for the page of settings alone. Those of an adapter's options stand in messages. */
const FILES = /\/config\/settings\.ts$/

/** Leaves out what a schema says about itself to readers of the docs: `.describe('…')`. */
export function withoutDescriptions(): Plugin {
  return {
    name: 'without-descriptions',
    transform: {
      filter: { id: FILES },
      handler(code, id) {
        const ranges: Range[] = []
        collect(parseAst(code, { lang: 'ts' }, id), ranges)
        if (ranges.length === 0) throw new Error(`${id} describes nothing: is it still the file of settings?`)
        const kept = ranges
          .sort((a, b) => b.start - a.start)
          .reduce((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), code)
        return { code: kept, moduleType: 'ts' }
      },
    },
  }
}

/** Leaves out where the schema of a provider's file is, which is for editors of the file. */
export function withoutSchemaPaths(): Plugin {
  return {
    name: 'without-schema-paths',
    transform: {
      filter: { id: /\/config\/[\w-]+\.json$/ },
      handler(code) {
        const { $schema, ...content } = JSON.parse(code) as Record<string, unknown>
        return { code: JSON.stringify(content), moduleType: 'json' }
      },
    },
  }
}

interface Range {
  readonly start: number
  readonly end: number
}

/** Adds the range of every `.describe(…)`, from the end of what it is called on. */
function collect(node: unknown, ranges: Range[]): void {
  if (Array.isArray(node)) for (const each of node) collect(each, ranges)
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return
  const { type, callee, end } = node as { type?: string; callee?: Member; end: number }
  if (type === 'CallExpression' && callee?.property?.name === 'describe') {
    ranges.push({ start: callee.object.end, end })
  }
  for (const child of Object.values(node)) collect(child, ranges)
}

interface Member {
  readonly object: Range
  readonly property?: { readonly name?: string }
}
