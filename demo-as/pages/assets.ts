import type { Branding, Colors } from './branding.ts'

export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#3b4cca"/><circle cx="12" cy="16" r="5" fill="none" stroke="#fff" stroke-width="3"/><path d="M17 16h9v4M22 16v3" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>
`

const LIGHT: Required<Colors> = { accent: '#3b4cca', onAccent: '#ffffff', background: '#f3f4f8' }
const DARK: Required<Colors> = { accent: '#93a0ff', onAccent: '#14151c', background: '#14151c' }

/**
 * The one stylesheet of all pages, ours and of the programs beside us.
 *
 * @param colors - In place of those of this product, each by itself.
 */
export function stylesheet({ light, dark }: Branding['colors'] = {}): string {
  return `:root {
  ${variables({ ...LIGHT, ...light })}
  --card: #ffffff; --inset: #f6f7fb; --text: #1b1d2a; --quiet: #5a5e72; --line: #d9dbe5; --edge: #8a8fa6;
  --note: #fff6de; --note-line: #e3c36b; --error: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    ${variables({ ...DARK, ...dark })}
    --card: #1e202a; --inset: #262936; --text: #eceef6; --quiet: #a9adc1; --line: #363947; --edge: #747a93;
    --note: #2e2815; --note-line: #7a6520; --error: #ff9d95;
  }
}
${RULES}`
}

function variables({ accent, onAccent, background }: Required<Colors>): string {
  return `--accent: ${accent}; --on-accent: ${onAccent}; --page: ${background};`
}

const RULES = `* { box-sizing: border-box; }
html { color-scheme: light dark; }
body {
  margin: 0; min-height: 100vh; padding: 1.5rem 1.25rem; display: flex; flex-direction: column; align-items: center;
  background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
header {
  width: 100%; max-width: 32rem; margin: auto 0 1rem; padding: 0 .25rem; display: flex; gap: .75rem; align-items: center;
  font-weight: 600;
}
header img { display: block; height: 2.5rem; max-width: 9rem; }
main {
  width: 100%; max-width: 32rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
}
.wide header, .wide main { max-width: 46rem; }
body::after { content: ""; margin-bottom: auto; }
footer { padding-top: 1.25rem; color: var(--quiet); font-size: .875rem; text-align: center; }
footer p { margin: 0 0 .25rem; }
footer ul { margin: 0; padding: 0; display: flex; flex-wrap: wrap; justify-content: center; gap: 0 1.25rem; list-style: none; }
footer a { display: inline-block; padding: .5rem .25rem; color: inherit; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; text-wrap: balance; }
h2, legend { margin: 1.5rem 0 .25rem; padding: 0; font-size: 1rem; font-weight: 600; }
.wide h2 { margin-top: 2.25rem; padding-top: 1.25rem; border-top: 1px solid var(--line); font-size: 1.125rem; }
p { margin: 0 0 1rem; }
main > :last-child, .note > :last-child, dl > :last-child { margin-bottom: 0; }
a { color: var(--accent); }
code { font: .875em ui-monospace, monospace; }
pre {
  margin: .375rem 0; padding: .75rem 1rem; background: var(--inset); border: 1px solid var(--line); border-radius: .625rem;
  white-space: pre-wrap;
}
form + form { margin-top: 1.5rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
fieldset { min-width: 0; margin: 0; padding: 0; border: 0; }
legend { float: left; width: 100%; margin-top: 0; }
legend + * { clear: both; }
label { display: block; margin-bottom: .375rem; font-weight: 600; }
button, .button, input {
  min-height: 2.75rem; padding: .5rem 1.125rem; border: 1px solid var(--edge); border-radius: .625rem;
  background: var(--card); color: inherit; font: inherit;
}
button, .button { display: inline-block; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; }
button:hover, .button:hover { border-color: var(--accent); }
.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.primary:hover { box-shadow: 0 0 0 2px var(--card), 0 0 0 4px var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.people, .scopes { margin: 0; padding: 0; list-style: none; }
.people li { margin-bottom: .5rem; }
.person { display: flex; gap: .875rem; align-items: center; width: 100%; padding: .625rem .875rem; text-align: start; }
small { display: block; color: var(--quiet); font-size: .875rem; font-weight: 400; }
.initial {
  flex: none; width: 2.25rem; height: 2.25rem; border-radius: 50%; background: var(--accent); color: var(--on-accent);
  line-height: 2.25rem; text-align: center;
}
.inline { display: flex; gap: .5rem; }
.inline input { flex: 1; min-width: 0; }
.client { margin: 0 0 1.25rem; padding: 1rem 1.25rem; background: var(--inset); border: 1px solid var(--line); border-radius: .75rem; }
.client dt { color: var(--quiet); font-size: .875rem; }
.client dd { margin: 0 0 .75rem; }
.client dd:last-child { margin: 0; }
.client .name { font-size: 1.25rem; font-weight: 600; line-height: 1.6; overflow: hidden; }
.scopes li { border-bottom: 1px solid var(--line); }
.scopes li:last-child { border-bottom: 0; }
.scopes label, .choice label { display: flex; gap: .75rem; align-items: flex-start; margin: 0; padding: .625rem 0; font-weight: 400; cursor: pointer; }
.fixed { padding: .625rem 0 .625rem 2rem; position: relative; }
.fixed::before { position: absolute; left: .25rem; content: "\\2713"; content: "\\2713" / ""; color: var(--accent); font-weight: 700; }
.withheld .fixed { color: var(--quiet); }
.withheld .fixed::before { content: "\\2013"; content: "\\2013" / ""; color: inherit; }
.scopes code { color: var(--quiet); }
[type=checkbox] { flex: none; width: 1.25rem; min-height: 0; height: 1.25rem; margin: .125rem 0 0; accent-color: var(--accent); cursor: pointer; }
.ticks { margin: 0; }
.ticks a { display: inline-block; padding: .375rem 0; font-size: .875rem; }
.choice { padding-top: .25rem; border-top: 1px solid var(--line); }
.choice small { margin: -.5rem 0 .625rem; padding-left: 2rem; }
.note {
  margin: 1.25rem 0; padding: .75rem 1rem; background: var(--note); border: 1px solid var(--note-line); border-radius: .625rem;
}
.choice + .note { margin-top: .75rem; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0 0; }
.actions > * { flex: 1 1 7rem; }
.aside { margin: 1rem 0 0; color: var(--quiet); font-size: .875rem; text-align: center; }
.link { min-height: 2.75rem; padding: 0 .25rem; border: 0; background: none; color: var(--accent); font-weight: 400; text-decoration: underline; }
.code { font: 600 1.5rem ui-monospace, monospace; letter-spacing: .08em; text-transform: uppercase; }
input.code { font-size: 1.125rem; }
.error { margin: .5rem 0; color: var(--error); font-weight: 600; }
.facts { margin: 1.5rem 0 0; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: .875rem; }
.facts code { font-size: 1em; }
.note .facts { margin: .5rem 0 0; padding: 0; border: 0; color: inherit; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; }
ol { margin: 0; padding-left: 1.25rem; }
@media (max-width: 26rem) {
  body { padding: .75rem .5rem; }
  main { padding: 1.25rem; }
  .client { padding: .75rem 1rem; }
}
`
