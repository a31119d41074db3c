import type { Branding } from './branding.ts'
import { type Html, html } from './html.ts'

const LINKS = { terms: 'Terms', privacy: 'Privacy', support: 'Support' } as const

export interface LayoutOptions {
  /** Further elements of the head. */
  head?: Html
  /** Below the page. */
  footer?: string
  /** A wider card, for pages with much text. Default: false. */
  wide?: boolean
}

/** The frame of every page. */
export function layout(title: string, content: Html, { head, footer, wide }: LayoutOptions = {}): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}${({ branding }) => branding.name && ` – ${branding.name}`}</title>
<link rel="icon" href="${({ picture }) => picture}">
<link rel="stylesheet" href="${({ stylesheet }) => stylesheet}">
${head}</head>
<body${wide && html` class="wide"`}>
<header><img src="${({ picture }) => picture}" alt="" height="40">${({ branding }) => branding.name && html`<span>${branding.name}</span>`}</header>
<main>
${content}
</main>
${({ branding }) => footerOf(footer, branding.links)}</body>
</html>
`
}

function footerOf(text: string | undefined, links: Branding['links'] = {}): Html | false {
  const shown = Object.entries(LINKS).flatMap(([name, words]) => {
    const address = links[name as keyof typeof LINKS]
    return address === undefined ? [] : [html`<li><a href="${address}">${words}</a></li>\n`]
  })
  if (text === undefined && shown.length === 0) return false
  return html`<footer>
${text !== undefined && html`<p>${text}</p>`}
${shown.length > 0 && html`<ul>${shown}</ul>`}
</footer>
`
}
