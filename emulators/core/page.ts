/** A page of an emulator: plain, and plainly no real sign-in. @param body - Markup. */
export function page(body: string, status = 200): Response {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Emulator</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<style>${STYLES}</style>
</head>
<body>
<header>Emulator</header>
<main>
${body}
</main>
<footer>This takes the place of a provider while you try things out. Nobody is checked.</footer>
</body>
</html>
`
  return new Response(html, { status, headers: { 'content-type': 'text/html; charset=utf-8' } })
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#6a5200"/><circle cx="12" cy="16" r="5" fill="none" stroke="#fff" stroke-width="3"/><path d="M17 16h9v4M22 16v3" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>`

const STYLES = `
:root { color-scheme: light dark; --page: #fbf6e6; --card: #fff; --text: #1b1d2a; --quiet: #5f5a4c; --line: #d9d2bd; --edge: #8d8670; --accent: #6a5200; }
@media (prefers-color-scheme: dark) {
  :root { --page: #17150e; --card: #211f18; --text: #f1eee4; --quiet: #b3ad9b; --line: #3d392c; --edge: #857e68; --accent: #e3c36b; }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; padding: 1.5rem 1.25rem; display: flex; flex-direction: column; align-items: center;
  background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
header, main { width: 100%; max-width: 32rem; }
header { margin: auto 0 1rem; font-weight: 600; }
main { padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; }
body::after { content: ""; margin-bottom: auto; }
footer { padding-top: 1.25rem; color: var(--quiet); font-size: .875rem; text-align: center; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; }
form { display: grid; gap: .5rem; }
button {
  min-height: 2.75rem; padding: .5rem 1.125rem; border: 1px solid var(--edge); border-radius: .625rem; background: var(--card);
  color: inherit; font: inherit; font-weight: 600; text-align: start; cursor: pointer;
}
button:hover { border-color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
`
