import { expect, it, onTestFinished, vi } from 'vitest'
import { createProgram } from '../../app/commands/index.ts'
import { forPowerShell } from '../../app/powershell.ts'

it.each([
  ['A=b C=d npm start', "$env:A='b'; $env:C='d'; npm start"],
  ['  AUTH_PROVIDER=auth0 idplug gateway', "  $env:AUTH_PROVIDER='auth0'; idplug gateway"],
  ["AUTH0_DOMAIN='acme.example' node server.ts", "$env:AUTH0_DOMAIN='acme.example'; node server.ts"],
  ['SCOPES="a b" npm start', '$env:SCOPES="a b"; npm start'],
  ['URL="$ISSUER/x" npm start', '$env:URL="$env:ISSUER/x"; npm start'],
  ['idplug explain < token.txt', 'Get-Content token.txt | idplug explain'],
  ['idplug call URL \\\n    tool', 'idplug call URL `\n    tool'],
  ['to revoke: curl -X POST URL', 'to revoke: curl.exe -X POST URL'],
  ['idplug doctor --idp auth0', 'idplug doctor --idp auth0'],
  ['  PUBLIC_URL       URL of the proxy', '  PUBLIC_URL       URL of the proxy'],
])('writes %j for PowerShell', (line, expected) => {
  expect(forPowerShell(line)).toBe(expected)
})

async function helpOf(name: string, platform: NodeJS.Platform): Promise<string> {
  let shown = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    shown += text
    return true
  })
  onTestFinished(() => write.mockRestore())
  const program = await createProgram(name, platform)
  program.commands.find(command => command.name() === name)?.outputHelp()
  return shown
}

it('shows examples that a person can paste, whatever the system', async () => {
  expect(await helpOf('gateway', 'linux')).toContain('\n  AUTH_PROVIDER=auth0 idplug gateway --to')
  expect(await helpOf('gateway', 'win32')).toContain("\n  $env:AUTH_PROVIDER='auth0'; idplug gateway --to")
})
