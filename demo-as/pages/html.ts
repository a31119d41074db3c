import type { Site } from './branding.ts'

/** Markup. Only {@link html} makes it, so that a plain string can never pass for it. */
export class Html {
  readonly #strings: TemplateStringsArray
  readonly #values: readonly HtmlValue[]

  constructor(strings: TemplateStringsArray, values: readonly HtmlValue[]) {
    this.#strings = strings
    this.#values = values
  }

  render(site: Site): string {
    return this.#strings.reduce((text, part, index) => text + render(this.#values[index - 1], site) + part)
  }
}

/** An address of this server, by the path that the server knows it under. */
export class OwnAddress {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }
}

export type HtmlValue = Html | OwnAddress | ForSite | string | number | false | undefined | readonly HtmlValue[]

/** What depends on where a page is shown. */
export type ForSite = (site: Site) => HtmlValue

/** Tagged template that escapes every value which is not itself the result of `html`. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings, values)
}

function render(value: HtmlValue, site: Site): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.render(site)
  if (value instanceof OwnAddress) return render(site.mount + value.path, site)
  if (typeof value === 'function') return render(value(site), site)
  if (typeof value === 'object') return value.map(item => render(item, site)).join('')
  return String(value).replace(/[&<>"'`]/g, character => `&#${character.charCodeAt(0)};`)
}

/**
 * Text of strangers, fit to stand between words of ours: no line breaks, nothing that is invisible, blank without being a space or turns
 * the direction of writing, no towers of combining marks, and not longer than `length`. Empty when nothing is left to be seen.
 */
export function clipped(text: string, length = 60): string {
  const plain = text
    .normalize('NFC')
    .replace(/\s/g, ' ')
    .replace(/[\p{C}\p{Default_Ignorable_Code_Point}\u2800]/gu, '')
    .replace(/(^| )\p{M}+/gu, '$1')
    .replace(/(\p{M}{3})\p{M}+/gu, '$1')
    .replace(/ +/g, ' ')
    .trim()
  const characters = [...plain]
  return characters.length > length ? `${characters.slice(0, length).join('')}…` : plain
}
