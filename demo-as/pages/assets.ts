export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#3b4cca"/><circle cx="12" cy="16" r="5" fill="none" stroke="#fff" stroke-width="3"/><path d="M17 16h9v4M22 16v3" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>
`

export const stylesheet = `:root {
  --page: #f3f4f8; --card: #fff; --text: #1b1d2a; --quiet: #5a5e72; --line: #d9dbe5; --edge: #8a8fa6;
  --accent: #3b4cca; --on-accent: #fff; --note: #fff6de; --note-line: #e3c36b; --error: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14151c; --card: #1e202a; --text: #eceef6; --quiet: #a5a9bd; --line: #363947; --edge: #747a93;
    --accent: #93a0ff; --on-accent: #14151c; --note: #2e2815; --note-line: #7a6520; --error: #ff9d95;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; padding: 1.25rem; display: flex; flex-direction: column; align-items: center;
  background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
}
main {
  width: 100%; max-width: 30rem; margin: auto 0; padding: 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; overflow-wrap: anywhere;
}
main::before { content: url(icon.svg); display: block; width: 2.5rem; height: 2.5rem; margin-bottom: 1rem; }
footer { padding-top: 1.25rem; color: var(--quiet); font-size: .8125rem; text-align: center; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 1.5rem 0 .5rem; font-size: .9375rem; }
p { margin: 0 0 1rem; }
main > :last-child, .note > :last-child, dl > :last-child { margin-bottom: 0; }
a { color: var(--accent); }
code { font: .875em ui-monospace, monospace; }
form + form { margin-top: 1.5rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
label { display: block; margin-bottom: .375rem; font-weight: 600; }
button, .button, input {
  min-height: 2.75rem; padding: .5rem 1.125rem; border: 1px solid var(--edge); border-radius: .625rem;
  background: var(--card); color: inherit; font: inherit;
}
button, .button { display: inline-block; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; }
button:hover, .button:hover { border-color: var(--accent); }
.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.primary:hover { filter: brightness(1.08); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.people, .scopes { margin: 0; padding: 0; list-style: none; }
.people li { margin-bottom: .5rem; }
.person { display: flex; gap: .875rem; align-items: center; width: 100%; padding: .625rem .875rem; text-align: left; }
.person small { display: block; color: var(--quiet); font-weight: 400; }
.initial {
  flex: none; width: 2.25rem; height: 2.25rem; border-radius: 50%; background: var(--accent); color: var(--on-accent);
  line-height: 2.25rem; text-align: center;
}
.inline { display: flex; gap: .5rem; }
.inline input { flex: 1; min-width: 0; }
.scopes li { padding: .5rem 0 .5rem 1.75rem; border-bottom: 1px solid var(--line); position: relative; }
.scopes li::before { position: absolute; left: .125rem; font-weight: 700; }
.scopes li:last-child { border-bottom: 0; }
.scopes code { color: var(--quiet); white-space: nowrap; }
.given li::before { content: "\\2713"; color: var(--accent); }
.withheld li { color: var(--quiet); }
.withheld li::before { content: "\\2013"; }
.note {
  margin: 1.25rem 0; padding: .75rem 1rem; background: var(--note); border: 1px solid var(--note-line); border-radius: .625rem;
}
.scopes + p { margin-top: 1.25rem; }
.actions { display: flex; gap: .75rem; margin-top: 1.5rem; }
.actions > * { flex: 1; }
.choice { display: flex; gap: .625rem; align-items: center; min-height: 2.75rem; margin: 1.25rem 0 0; font-weight: 400; cursor: pointer; }
.choice input { width: 1.25rem; min-height: 0; height: 1.25rem; margin: 0; accent-color: var(--accent); }
.choice + .actions { margin-top: .75rem; }
.aside { margin: 1rem 0 0; color: var(--quiet); font-size: .875rem; text-align: center; }
.link { min-height: 2.75rem; padding: 0 .25rem; border: 0; background: none; color: var(--accent); font-weight: 400; text-decoration: underline; }
.code { font: 600 1.5rem ui-monospace, monospace; letter-spacing: .08em; text-transform: uppercase; }
input.code { font-size: 1.125rem; }
.error { color: var(--error); margin-bottom: .375rem; }
dl { margin: 1.5rem 0 0; color: var(--quiet); font-size: .8125rem; }
.note dl { margin-top: .5rem; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; }
ol { margin: 0; padding-left: 1.25rem; }
@media (max-width: 26rem) {
  body { padding: .5rem; }
  main { padding: 1.25rem; }
}
`
