import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { type BenchSection, formatSection } from './report.ts'

/** Loaded when asked for, so that one section does not pay for what another imports. */
const sections: Record<string, () => Promise<{ run(): Promise<BenchSection> }>> = {
  validation: () => import('./validation.ts'),
  herd: () => import('./herd.ts'),
  http: () => import('./http.ts'),
  edges: () => import('./edges.ts'),
  refusals: () => import('./refusals.ts'),
  gateway: () => import('./gateway.ts'),
  adapters: () => import('./adapters.ts'),
  'sign-in': () => import('./sign-in.ts'),
  'stdio-target': () => import('./stdio-target.ts'),
  strangers: () => import('./strangers.ts'),
  'authorization-server': () => import('./authorization-server.ts'),
  'forward-auth': () => import('./forward-auth.ts'),
  watch: () => import('./watch.ts'),
  imports: () => import('./imports.ts'),
}

const packages = ['jose', 'lru-cache', 'openid-client', 'fast-jwt', 'aws-jwt-verify', 'express-oauth2-jwt-bearer']
const sdks = ['express', '@modelcontextprotocol/sdk', '@modelcontextprotocol/server']

const asked = process.argv.slice(2)
const unknown = asked.filter(name => !(name in sections))
if (unknown.length) {
  console.error(`There is no section ${unknown.join(', ')}. Sections: ${Object.keys(sections).join(', ')}.`)
  process.exit(2)
}

console.log(`node ${process.versions.node}, ${[...packages, ...sdks].map(versionOf).join(', ')}`)
console.log(
  `${process.platform} ${process.arch}, ${availableParallelism()} cores. Ratios compare; times are this machine's.\n`,
)
for (const name of asked.length ? asked : Object.keys(sections)) {
  const section = await sections[name]?.()
  if (section) report(await section.run())
}

function report(section: BenchSection): void {
  console.log(formatSection(section))
  if (section.targets.some(({ actual, limit }) => !(actual <= limit))) process.exitCode = 1
}

function versionOf(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`
}
