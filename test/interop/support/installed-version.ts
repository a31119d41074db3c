import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Definition } from '../servers/server.ts'

/** @throws {Error} The package is not installed. */
export function installedVersion(from: Definition['from']): string {
  if ('debian' in from) {
    const [, version = ''] = execFileSync('dpkg-query', ['--show', from.debian], { encoding: 'utf8' }).split('\t')
    return version
  }
  const manifest = new URL(`../packages/node_modules/${from.npm}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(manifest, 'utf8')).version
}
