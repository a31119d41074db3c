import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { withEnvFile } from '../../app/environment.ts'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

/** What the start says about a `.env` with this text, in the folder `/srv`. */
function problemsOf(text: string | Buffer): string[] {
  const folder = temporaryFolder()
  writeFileSync(join(folder, '.env'), text)
  const { env, file } = withEnvFile({}, folder, 'server')
  try {
    loadConfiguration(env, { file })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ setting, problem }) => `${setting} ${problem}`.replaceAll(folder, '/srv'))
  }
}

const NOTHING = 'which sets nothing; write AUTH_PROVIDER=… there, or remove the line'
const WRITE = 'Write each setting as NAME=value, in a line of its own'
const AUTH0 = 'AUTH0_DOMAIN=acme.eu.auth0.com\n'

describe('a .env that is nearly one', () => {
  it.each([
    ['JSON', '{\n  "AUTH_PROVIDER": "auth0"\n}\n', '/srv/.env holds JSON from line 1 on, which sets nothing'],
    ['JSON with an equals sign', '\n{"metadataUrl":"https://x/?a=b"}', '/srv/.env holds JSON from line 2 on'],
    ['prose', '# ours\nsome words\n', `/srv/.env sets nothing: line 2 is not NAME=value. ${WRITE}, or remove the file`],
    ['a web page', '<html>\n<a href="x=y">\n', '/srv/.env sets nothing: line 1 is not NAME=value'],
    ['a colon', 'PORT=1\nAUTH_PROVIDER: auth0\n', `AUTH_PROVIDER is on line 2 of /srv/.env, ${NOTHING}`],
    ['a colon below another', 'environment:\n  AUTH_PROVIDER: auth0\n', 'AUTH_PROVIDER is on line 2 of /srv/.env'],
    ['a part of JSON', '"AUTH_PROVIDER": "auth0",\nPORT=1\n', 'AUTH_PROVIDER is on line 1 of /srv/.env'],
    ['setx', 'setx AUTH_PROVIDER auth0', 'AUTH_PROVIDER is on line 1 of /srv/.env'],
    ['declare -x', 'declare -x AUTH_PROVIDER="auth0"', 'AUTH_PROVIDER is on line 1 of /srv/.env'],
    ['a line of a Dockerfile', 'ENV AUTH_PROVIDER=auth0', 'AUTH_PROVIDER is on line 1 of /srv/.env'],
    ['a line of a unit', 'Environment=AUTH_PROVIDER=auth0', 'AUTH_PROVIDER is on line 1 of /srv/.env'],
    ['a list', '- AUTH_PROVIDER=auth0', '- AUTH_PROVIDER is not a setting (in /srv/.env); did you mean AUTH_PROVIDER?'],
    [
      'a command line',
      'AUTH_PROVIDER=auth0 AUTH0_DOMAIN=acme.eu.auth0.com npm start',
      `AUTH_PROVIDER is on line 1 of /srv/.env together with AUTH0_DOMAIN, which is read as a part of its value. ${WRITE}`,
    ],
    [
      'a command line with quotation marks',
      "AUTH_PROVIDER='auth0' AUTH0_DOMAIN='acme.eu.auth0.com' npm start",
      'AUTH_PROVIDER is on line 1 of /srv/.env together with AUTH0_DOMAIN',
    ],
    [
      'a line of PowerShell',
      "$env:AUTH_PROVIDER='auth0'; $env:AUTH0_DOMAIN='acme.eu.auth0.com'",
      'AUTH_PROVIDER is on line 1 of /srv/.env together with AUTH0_DOMAIN',
    ],
    [
      'a quotation mark that nothing closes',
      `AUTH_PROVIDER="auth0\n${AUTH0}`,
      'AUTH_PROVIDER begins with a quotation mark (") on line 1 of /srv/.env that nothing closes. Close it, or leave it out',
    ],
    [
      'a secret with one',
      `AUTH_PROVIDER=demo\nDEMO_RS_CLIENT_SECRET='hunter2\n`,
      "DEMO_RS_CLIENT_SECRET begins with a quotation mark (') on line 2 of /srv/.env that nothing closes. Close it, or leave it out",
    ],
    [
      'a quotation mark that a later line closes',
      'AUTH_PROVIDER="auth0\nAUTH0_DOMAIN="acme.eu.auth0.com"\n',
      'AUTH_PROVIDER begins with a quotation mark (") on line 1 of /srv/.env that is closed on a later one only, so AUTH0_DOMAIN is read as a part of its value',
    ],
    [
      'a comment in the middle of a secret',
      'AUTH_PROVIDER=demo\nDEMO_RS_CLIENT_SECRET=ab#cd\n',
      'DEMO_RS_CLIENT_SECRET has a # on line 2 of /srv/.env, and what follows it is a comment. Put the value into quotation marks',
    ],
    [
      'two values',
      `AUTH_PROVIDER=demo\n${AUTH0}AUTH_PROVIDER=auth0\n`,
      'AUTH_PROVIDER is on lines 1 and 3 of /srv/.env with different values; remove one',
    ],
    ['quotation marks of a text processor', `AUTH_PROVIDER=“auth0”\n${AUTH0}`, 'AUTH_PROVIDER is in quotation marks'],
    [
      'what cannot be seen',
      'AUTH_PROVIDER=demo\nDEMO_RS_CLIENT_SECRET=hunter2\u200b\n',
      'DEMO_RS_CLIENT_SECRET holds an invisible character: type it anew',
    ],
    [
      'a comma at the end',
      'AUTH_PROVIDER=auth0\nAUTH0_DOMAIN=acme.eu.auth0.com,\n',
      'AUTH0_DOMAIN must be a host name',
    ],
  ])('does not start: %s', (_what, text, problem) => {
    const found = problemsOf(text)
    expect(found).toEqual([expect.stringContaining(problem)])
    expect(found.join()).not.toMatch(/hunter2|ab#cd/)
  })

  it.each([
    ['export', `export AUTH_PROVIDER=auth0\nexport ${AUTH0}`],
    ['spaces', 'AUTH_PROVIDER = auth0\nAUTH0_DOMAIN = acme.eu.auth0.com\n'],
    ['line ends of Windows', 'AUTH_PROVIDER=auth0\r\nAUTH0_DOMAIN=acme.eu.auth0.com\r\n'],
    ['line ends of old editors', 'AUTH_PROVIDER=auth0\rAUTH0_DOMAIN=acme.eu.auth0.com\r'],
    ['UTF-16', Buffer.from(`\uFEFFAUTH_PROVIDER=auth0\r\n${AUTH0}`, 'utf16le')],
    ['comments', `# AUTH_PROVIDER: x\nAUTH_PROVIDER=auth0 # not AUTH_PROVIDER=okta\n${AUTH0}`],
    ['the same twice', `AUTH_PROVIDER=auth0\nAUTH_PROVIDER=auth0\n${AUTH0}`],
    ['what others have to mend', `POSTGRES_PASSWORD="x\nA: b\nA=b#c\nA=1 B=2\n${AUTH0}AUTH_PROVIDER=auth0\n`],
    ['a value of several lines', `TLS_KEY="-----BEGIN\nPORT: 1\n-----END"\n${AUTH0}AUTH_PROVIDER=auth0\n`],
    ['nothing', ''],
  ])('starts with %s', (_what, text) => {
    expect(problemsOf(text)).toEqual([])
  })
})
