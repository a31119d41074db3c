import { writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import type { Check, TokenKind } from '../conformance/check.ts'
import { checks } from '../conformance/checks/index.ts'
import { type Laboratory, type OpenLaboratory, openLaboratory } from '../conformance/laboratory.ts'
import { hello } from '../conformance/messages.ts'
import { issuerText } from '../conformance/report/issuer.ts'
import { resultsJson } from '../conformance/report/json.ts'
import { resultsJunit } from '../conformance/report/junit.ts'
import { resultText, summaryText } from '../conformance/report/text.ts'
import { chooseChecks, runChecks } from '../conformance/run.ts'
import { createTarget, type Target } from '../conformance/target.ts'
import { variableProblem } from '../variable-problem.ts'
import { endpointUrl } from './endpoint-url.ts'
import { EXIT } from './exit.ts'
import { portNumber, words } from './option-values.ts'

interface ConformanceOptions {
  only?: string[]
  anonymous?: string[]
  tokenStdin?: boolean
  tokenEnv?: string
  lowScopeTokenEnv?: string
  otherAudienceTokenEnv?: string
  tool?: string
  own?: boolean
  issuerPort?: number
  serverCommand?: string
  mode?: 'jwt' | 'introspection'
  audience?: string
  scopes?: string[]
  downstreamTool?: string
  json?: boolean
  junit?: string
}

const usage = { exitCode: EXIT.usage }

const HELP = `
Examples:
  idplug conformance https://mcp.example.com/mcp     needs no token
  idplug conformance URL --only 'C*,P01'             some of the checks
  idplug conformance URL --anonymous initialize,tools/list
                                                     methods open to everybody
  idplug conformance URL --token-stdin < token       with a token of yours
  idplug conformance URL --junit results.xml         for CI
  idplug conformance http://127.0.0.1:3000/mcp --tool write_file \\
    --server-command 'AUTH_METADATA_URL=$CONFORMANCE_METADATA_URL npm start'
                                                     every check, with an issuer
  idplug conformance http://127.0.0.1:3000/mcp --issuer-port 9400
                                                     the same, started by you

Exit codes: 0 every MUST is met, 1 one is not or there is no server at the URL,
2 wrong arguments. What is checked, and why: docs/conformance/README.md`

export function registerConformance(program: Command): void {
  program
    .command('conformance')
    .description('check that an MCP server protects itself as the specifications say')
    .argument('<url>', 'URL of the MCP endpoint', endpointUrl)
    .option('--only <ids>', 'checks to run: C01,P*', words)
    .option('--anonymous <methods>', 'JSON-RPC methods that need no token', words)
    .option('--token-stdin', 'read a token that the server accepts from stdin')
    .option('--token-env <name>', 'the same, from an environment variable')
    .option('--low-scope-token-env <name>', 'variable with a token not enough for --tool')
    .option('--other-audience-token-env <name>', 'variable with a token for another server')
    .option('--tool <name>', 'a tool that the low-scope token may not call')
    .option('--own', 'the server is yours: send many and large requests (default:\nfor a server on this machine)')
    .option('--issuer-port <number>', 'be the issuer that the server trusts, at this port', portNumber)
    .option('--server-command <command>', 'start the server, once the issuer is there')
    .addOption(
      new Option('--mode <mode>', 'how the server validates tokens of the issuer (default: jwt)').choices([
        'jwt',
        'introspection',
      ]),
    )
    .option('--audience <text>', "aud of the issuer's tokens (default: the\nresource in the server's metadata)")
    .option('--scopes <scopes>', 'all scopes (default: those that the server names)', words)
    .option('--downstream-tool <name>', "a tool that calls the issuer's downstream URL")
    .option('--json', 'print the results as JSON')
    .option('--junit <file>', 'write the results as JUnit XML as well')
    .addHelpText('after', HELP)
    .action(async (url: string, options: ConformanceOptions, command: Command) => {
      process.exitCode = await conformance(url, options, command)
    })
}

async function conformance(url: string, options: ConformanceOptions, command: Command): Promise<number> {
  const { chosen, unknown } = chooseChecks(checks, options.only ?? [])
  if (unknown.length > 0) command.error(`error: --only names no check: ${unknown.join(', ')}`, usage)
  const opened = await laboratoryOf(url, options, command)
  if (typeof opened === 'number') return opened
  try {
    return await report(
      url,
      options,
      chosen,
      { ...(await readTokens(options, command)), ...opened?.tokens },
      opened?.laboratory,
    )
  } finally {
    await opened?.close()
  }
}

async function report(
  url: string,
  options: ConformanceOptions,
  chosen: readonly Check[],
  tokens: Target['tokens'],
  laboratory: Laboratory | undefined,
): Promise<number> {
  const { tool, anonymous: openMethods, own } = options
  // A server that trusts this kit is nobody else's.
  const isOwn = own ?? (laboratory ? true : undefined)
  const target = createTarget(url, { tokens, tool, openMethods, isOwn, laboratory })

  const first = await target.call(hello('2025-11-25'))
  if (first.status === 0) {
    console.error(`error: ${url} cannot be reached: ${first.failure}`)
    return EXIT.found
  }
  // A page of refusals would be a verdict about something that is not there.
  if (first.status === 404) {
    console.error(`error: there is no MCP endpoint at ${url} (status 404). The path is often /mcp.`)
    return EXIT.found
  }
  const results = await runChecks(target, chosen, result => {
    if (!options.json && result.missing === undefined) console.log(resultText(result))
  })
  if (options.junit !== undefined) await writeFile(options.junit, resultsJunit(url, results))
  console.log(options.json ? JSON.stringify(resultsJson(url, results), null, 2) : `\n${summaryText(results)}`)
  return results.some(({ verdict }) => verdict === 'fail') ? EXIT.found : EXIT.fine
}

/** @returns An exit code where there is no server to check; `undefined` where the person has no issuer for it. */
async function laboratoryOf(
  url: string,
  options: ConformanceOptions,
  command: Command,
): Promise<OpenLaboratory | number | undefined> {
  const { issuerPort: port, serverCommand, mode, audience, scopes, downstreamTool, anonymous: openMethods } = options
  if (port === undefined && serverCommand === undefined) {
    const needless = Object.entries({ mode, audience, scopes, 'downstream-tool': downstreamTool }).find(
      ([, value]) => value,
    )
    if (needless) command.error(`error: --${needless[0]} needs --issuer-port or --server-command`, usage)
    return undefined
  }
  const given = {
    token: options.tokenEnv ?? options.tokenStdin,
    low: options.lowScopeTokenEnv,
    other: options.otherAudienceTokenEnv,
  }
  if (Object.values(given).some(Boolean)) command.error('error: with an issuer of the kit, leave out the tokens', usage)
  try {
    return await openLaboratory(url, {
      port,
      mode: mode ?? 'jwt',
      serverCommand,
      audience,
      scopes,
      downstreamTool,
      openMethods,
      ready: issuer => {
        if (serverCommand === undefined) console.error(issuerText(url, issuer))
      },
    })
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException
    if (name !== 'UnreachableServerError' && code !== 'EADDRINUSE' && code !== 'EACCES') throw error
    console.error(`error: ${message}`)
    return EXIT.found
  }
}

async function readTokens(
  { tokenStdin, tokenEnv, lowScopeTokenEnv, otherAudienceTokenEnv }: ConformanceOptions,
  command: Command,
): Promise<Partial<Record<TokenKind, string>>> {
  if (tokenStdin && tokenEnv) command.error('error: --token-stdin and --token-env are both given; keep one', usage)
  const read = (option: string, name: string) => {
    const value = process.env[name]?.trim()
    if (!value) command.error(`error: ${option} ${variableProblem(name)}`, usage)
    return value
  }
  const token = tokenStdin ? (await text(process.stdin)).trim() : tokenEnv && read('--token-env', tokenEnv)
  return {
    ...(token && { token }),
    ...(lowScopeTokenEnv && { 'low-scope-token': read('--low-scope-token-env', lowScopeTokenEnv) }),
    ...(otherAudienceTokenEnv && { 'other-audience-token': read('--other-audience-token-env', otherAudienceTokenEnv) }),
  }
}
