import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLinkFile } from '../../config/links-file.ts'
import { ConfigError } from '../../src/config-error.ts'
import { replaceFile } from '../support/replace-file.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

const HEADER = 'old_issuer,old_subject,new_issuer,new_subject\n'
const ADA = 'http://localhost:3001,ada,https://acme.eu.auth0.com/,auth0|1\n'
const current = { issuer: 'https://acme.eu.auth0.com/', subject: 'auth0|1' }

function linkFile(content: string) {
  const folder = temporaryFolder()
  const path = join(folder, 'links.csv')
  const write = (text: string) => replaceFile(path, text)
  write(content)
  return { path, write }
}

describe('the file of AUTH_LINKS', () => {
  it('reads the links again when the file changes, and keeps them while it is broken', async () => {
    const { path, write } = linkFile(HEADER)
    const reloads: unknown[] = []
    const links = openLinkFile(path, { links: outcome => void reloads.push(outcome) }, 20)
    onTestFinished(links.close)
    expect(links.resolve(current).subject).toBe('auth0|1')
    write(HEADER + ADA)
    await expect.poll(() => links.resolve(current).subject).toBe('ada')
    write(`${HEADER}only,three,cells\n`)
    await expect.poll(() => reloads.at(-1)).toEqual({ error: expect.any(ConfigError) })
    expect(links.resolve(current).subject).toBe('ada')
  })

  it.each([
    [`${HEADER}only,three,cells\n`, 'has no new_subject in link 1'],
    [`${HEADER}a,b,c,d,e\n`, 'is not CSV: line 2 has more cells than the first line names'],
    [`${HEADER}a,"b,c,d\n`, 'is not CSV: line 2 has a quotation mark that is not closed'],
    [`${HEADER}a,,c,d\n`, 'has no old_subject in link 1'],
    ['x,y\n1,2\n', 'has no old_issuer, old_subject, new_issuer, new_subject in link 1'],
    [`${HEADER + ADA}http://localhost:3001,ben,https://acme.eu.auth0.com/,auth0|1\n`, 'contradict each other: auth0|1'],
  ])('stops the start when it is %j', (content, message) => {
    const { path } = linkFile(content)
    expect(() => openLinkFile(path, {})).toThrow(message)
    expect(() => openLinkFile(path, {})).toThrow(/^One setting is wrong:\n {2}AUTH_LINKS: /)
  })

  it('refuses to start without the file of AUTH_LINKS', () => {
    expect(() => openLinkFile('/nowhere/links.csv', {})).toThrow(
      'AUTH_LINKS: names a file that cannot be read (ENOENT)',
    )
  })
})
