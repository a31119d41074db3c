import { type Html, html, OwnAddress } from './html.ts'

export const STYLESHEET_PATH = '/oauth/assets/style.css'
export const ICON_PATH = '/oauth/assets/icon.svg'

/** The frame of every page. */
export function layout(title: string, content: Html, { head, footer }: { head?: Html; footer?: string } = {}): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${new OwnAddress(ICON_PATH)}" type="image/svg+xml">
<link rel="stylesheet" href="${new OwnAddress(STYLESHEET_PATH)}">
${head}</head>
<body>
<main>
${content}
</main>
${footer && html`<footer>${footer}</footer>\n`}</body>
</html>
`
}
