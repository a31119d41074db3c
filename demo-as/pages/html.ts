/** Markup. Only {@link html} makes it, so that a plain string can never pass for it. */
export class Html {
  readonly #strings: TemplateStringsArray
  readonly #values: readonly HtmlValue[]

  constructor(strings: TemplateStringsArray, values: readonly HtmlValue[]) {
    this.#strings = strings
    this.#values = values
  }

  /** @param mount - Path below which the server stands: it is put before the addresses of its own. */
  render(mount: string): string {
    return this.#strings.reduce((text, part, index) => text + render(this.#values[index - 1], mount) + part)
  }
}

/** An address of this server, by the path that the server knows it under. */
export class OwnAddress {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }
}

export type HtmlValue = Html | OwnAddress | string | number | false | undefined | readonly HtmlValue[]

/** Tagged template that escapes every value which is not itself the result of `html`. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings, values)
}

function render(value: HtmlValue, mount: string): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.render(mount)
  if (value instanceof OwnAddress) return render(mount + value.path, mount)
  if (typeof value === 'object') return value.map(item => render(item, mount)).join('')
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
