/** Markup. Only {@link html} makes it, so that a plain string can never pass for it. */
export class Html {
  readonly #text: string

  constructor(strings: TemplateStringsArray, values: readonly HtmlValue[]) {
    this.#text = strings.reduce((text, part, index) => text + render(values[index - 1]) + part)
  }

  toString(): string {
    return this.#text
  }
}

export type HtmlValue = Html | string | number | false | undefined | readonly HtmlValue[]

/** Tagged template that escapes every value which is not itself the result of `html`. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings, values)
}

function render(value: HtmlValue): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.toString()
  if (typeof value === 'object') return value.map(render).join('')
  return String(value).replace(/[&<>"'`]/g, character => `&#${character.charCodeAt(0)};`)
}

/**
 * Text of strangers, fit to stand between words of ours: no line breaks, no characters that are invisible or turn the
 * direction of writing, and not longer than `length`.
 */
export function clipped(text: string, length = 60): string {
  const plain = text
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .replace(/\s+/g, ' ')
    .trim()
  const characters = [...plain]
  return characters.length > length ? `${characters.slice(0, length).join('')}…` : plain
}
