import { text } from 'node:stream/consumers'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { createProviderFetch } from 'idplug'
import { isLoopback } from 'idplug/internal'
import { explainError } from '../../client/explain-error.ts'
import { revoke } from '../../client/revoke.ts'
import { withoutTokens } from '../../client/sign-ins.ts'
import { createTokenFile, TokenFileError } from '../../client/token-file.ts'
import { VisitError } from '../../client/visit.ts'
import { endpointUrl } from '../endpoint-url.ts'
import { EXIT } from '../exit.ts'
import { ArgumentError, readArguments, readObject } from './arguments.ts'
import { type ClientOptions, isMachine, SignInNeededError, storeFor, tokensPath, withSession } from './connect.ts'
import { explanationText, factsOf, factsText, homely, printable, resultText, toolsText } from './report.ts'

const SIGN_IN_NEEDED = 3
/** Servers grant it without listing it in the answer. */
const OFFLINE_ACCESS = 'offline_access'

const EXIT_CODES = `
Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 sign-in needed.`

const EXAMPLES: Record<string, string> = {
  login: `
Examples:
  idplug login https://mcp.example.com/mcp
  idplug login URL --paste               no browser on this machine
  idplug login URL --device              the same, with a code to enter
  idplug login URL --verbose             show what client and servers say
  idplug login URL --client-id ID --redirect-uri http://127.0.0.1:8765/callback
                                         a client registered at the provider
${EXIT_CODES}`,
  call: `
Examples:
  idplug call URL whoami
  idplug call URL add_note text="Buy milk" pinned:=true
  idplug call URL add_note --args '{"text": "Buy milk"}'
  idplug call URL list_notes --client-credentials --client-id nightly \\
    --client-secret-env NIGHTLY_SECRET --issuer https://id.example.com
${EXIT_CODES}`,
  tools: EXIT_CODES,
  whoami: EXIT_CODES,
  logout: `
Examples:
  idplug logout https://mcp.example.com/mcp
  idplug logout --all
${EXIT_CODES}`,
}

/** An MCP client for the terminal: `login`, `call`, `tools`, `whoami` and `logout`. */
export function registerClient(program: Command): void {
  const url = 'URL of the MCP endpoint'
  const command = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .option('--json', 'print JSON')
      .addHelpText('after', EXAMPLES[name] ?? '')

  withSignIn(command('login', 'sign in to an MCP server'))
    .argument('<url>', url, endpointUrl)
    .option('--register', 'register this client again')
    .action((server: string, options: ClientOptions, command: Command) => run(command, () => login(server, options)))
  withSignIn(command('call', 'call a tool of an MCP server'))
    .argument('<url>', url, endpointUrl)
    .argument('<tool>', 'name of the tool')
    .argument('[arguments...]', 'key=value, or key:=JSON')
    .option('--args <json>', 'the arguments as JSON; - reads standard input')
    .action((server: string, tool: string, words: string[], options: ClientOptions, command: Command) =>
      run(command, () => call(server, { name: tool, words }, options)),
    )
  withSignIn(command('tools', 'list the tools of an MCP server'))
    .argument('<url>', url, endpointUrl)
    .action((server: string, options: ClientOptions, command: Command) => run(command, () => tools(server, options)))
  withSignIn(command('whoami', 'show your sign-in to an MCP server'))
    .argument('<url>', url, endpointUrl)
    .action((server: string, options: ClientOptions, command: Command) => run(command, () => whoami(server, options)))
  command('logout', 'revoke and forget the tokens for an MCP server')
    .argument('[url]', url, endpointUrl)
    .option('--all', 'for every server')
    .action((server: string | undefined, options: ClientOptions, command: Command) =>
      run(command, () => logout(server, options)),
    )
}

function withSignIn(command: Command): Command {
  return command
    .option('--client-id <id>', 'a client that was registered beforehand')
    .option('--client-secret-env <name>', 'variable with its secret')
    .option('--client-metadata <url>', 'Client ID Metadata Document of the client', endpointUrl)
    .option('--issuer <url>', 'the authorization server that its credentials are for', endpointUrl)
    .option('--scope <scopes>', 'scopes to ask for, in place of those that the server names')
    .option('--redirect-uri <uri>', 'where the browser returns to on this machine', loopbackUri)
    .addOption(new Option('--device', 'sign in with a browser elsewhere and enter a code there').conflicts('paste'))
    .option('--paste', 'sign in with a browser elsewhere and paste the address it ends at')
    .option('--no-browser', 'do not open a browser, only show the address')
    .option('--client-credentials', 'as a machine: with the secret, or with --private-key')
    .option('--private-key <file>', 'private key of the machine, PKCS #8 in PEM')
    .option('--workload-token <file>', 'as a workload: the token that its platform gave it')
    .option('--id-token <file>', "as an employee: the ID token of the company's --idp")
    .option('--idp <url>', 'its issuer', endpointUrl)
    .option('--idp-client-id <id>', 'client at the --idp')
    .option('--idp-client-secret-env <name>', 'variable with its secret')
    .option('--dpop', 'ask for a token that is bound to a key of this machine')
    .option('--verbose', 'show each request and answer, without tokens and secrets')
    .addOption(new Option('--protocol <revision>', 'revision of MCP to speak').choices(PROTOCOLS))
}

const PROTOCOLS = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28']

async function login(server: string, options: ClientOptions): Promise<number> {
  const store = await storeFor(options)
  const kept = await store.load(server)
  const granted = new Set([...(kept?.tokens?.scopes ?? []), OFFLINE_ACCESS])
  const isEnough = options.scope?.split(' ').every(scope => granted.has(scope)) ?? true
  const signsInAnew = kept?.tokens && (options.register || !isEnough)
  const connection = { server, options, store: signsInAnew ? withoutTokens(store, kept) : store, isLogin: true }
  return withSession(connection, async session => {
    // A server may ask for nothing before there is something to do.
    await session.tools()
    const signIn = await store.load(server)
    if (!signIn?.tokens) {
      console.log(openText(server))
      return EXIT.fine
    }
    const facts = factsOf(server, signIn)
    const isNew = signIn.tokens.accessToken !== kept?.tokens?.accessToken
    const title = isNew ? `Signed in to ${server}.` : `Already signed in to ${server}; idplug logout ends that.`
    const note = isMachine(options)
      ? 'It works. Tokens of machines are not kept.'
      : `Kept in ${homely(await tokensPath())}.`
    console.log(options.json ? JSON.stringify(facts, null, 2) : [title, factsText(facts), note].join('\n'))
    return EXIT.fine
  })
}

interface Call {
  /** Of the tool. */
  readonly name: string
  /** Its arguments, where they are not given as JSON. */
  readonly words: readonly string[]
}

async function call(server: string, { name, words }: Call, options: ClientOptions): Promise<number> {
  const given =
    options.args === undefined ? undefined : readObject(options.args === '-' ? await text(process.stdin) : options.args)
  if (given && words.length > 0) throw new ArgumentError('give the arguments either as key=value or with --args')
  return withSession({ server, options, store: await storeFor(options) }, async session => {
    const tools = await session.tools()
    const found = tools.find(tool => tool.name === name)
    if (!found) {
      const names = tools.map(tool => printable(tool.name)).join(', ')
      throw new ArgumentError(`the server has no tool ${name}; it has ${names || 'none'}`)
    }
    const result = await session.call(name, given ?? readArguments(words, found.inputSchema))
    const output = options.json ? JSON.stringify(result, null, 2) : resultText(result)
    if (result.isError) console.error(output)
    else console.log(output)
    return result.isError ? EXIT.found : EXIT.fine
  })
}

async function tools(server: string, options: ClientOptions): Promise<number> {
  return withSession({ server, options, store: await storeFor(options) }, async session => {
    const found = await session.tools()
    console.log(options.json ? JSON.stringify(found, null, 2) : toolsText(found))
    return EXIT.fine
  })
}

async function whoami(server: string, options: ClientOptions): Promise<number> {
  const store = await storeFor(options)
  return withSession({ server, options, store }, async session => {
    const isTold = (await session.tools()).some(({ name }) => name === 'whoami')
    const answer = isTold ? await session.call('whoami', {}) : undefined
    const signIn = await store.load(server)
    const facts = signIn && factsOf(server, signIn)
    if (options.json) {
      console.log(JSON.stringify({ ...facts, server, answer: answer?.structuredContent ?? answer?.content }, null, 2))
      return EXIT.fine
    }
    if (facts) console.log(`${server}\n${factsText(facts)}`)
    else console.log(openText(server))
    if (answer) console.log(`\nThe server says:\n${resultText(answer)}`)
    return EXIT.fine
  })
}

async function logout(server: string | undefined, { all, json }: ClientOptions): Promise<number> {
  if ((server === undefined) === !all) throw new ArgumentError('give the URL of a server, or --all')
  const store = createTokenFile(await tokensPath())
  const fetch = createProviderFetch(process.env)
  const done: { server: string; revoked: boolean; hadTokens: boolean; problem?: string }[] = []
  for (const name of server === undefined ? await store.servers() : [server]) {
    const signIn = await store.load(name)
    if (!signIn) continue
    const outcome = await revoke(new URL(name), signIn, fetch).then(
      revoked => ({ revoked }),
      (error: unknown) => ({ revoked: false, problem: explainError(error).what }),
    )
    await store.remove(name)
    done.push({ server: name, hadTokens: signIn.tokens !== undefined, ...outcome })
  }
  if (json) console.log(JSON.stringify(done, null, 2))
  else if (done.length === 0) console.log('Nobody was signed in.')
  for (const { hadTokens, problem, revoked, server } of json ? [] : done) {
    if (revoked) console.log(`Signed out of ${server}; the tokens are revoked.`)
    else if (!hadTokens) console.log(`Forgot the client for ${server}; its tokens had ended already.`)
    else if (problem) console.log(`Forgot the tokens for ${server}. They are not revoked: ${problem}`)
    else
      console.log(
        `Forgot the tokens for ${server}. The authorization server cannot revoke tokens; they expire on their own.`,
      )
  }
  return done.some(({ problem }) => problem) ? EXIT.found : EXIT.fine
}

/** Runs a command; what goes wrong is explained, and becomes its exit code. */
async function run(command: Command, work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work()
  } catch (error) {
    if (error instanceof ArgumentError) return command.error(`error: ${error.message}`, { exitCode: EXIT.usage })
    if (error instanceof SignInNeededError) {
      if (command.name() === 'login') {
        console.error(noBrowserText(command.args[0] ?? ''))
        process.exitCode = SIGN_IN_NEEDED
        return
      }
      const scopes = error.scope?.split(' ').filter(scope => scope !== OFFLINE_ACCESS) ?? []
      const option = scopes.length > 0 ? ` --scope "${printable(scopes.join(' '))}"` : ''
      console.error(`A person has to sign in:\n\n  idplug login ${command.args[0]}${option}`)
      process.exitCode = SIGN_IN_NEEDED
      return
    }
    const isOurs = error instanceof VisitError || error instanceof TokenFileError
    const explanation = isOurs ? { what: `${error.message}.` } : explainError(error)
    const { json } = command.opts<ClientOptions>()
    console.error(json ? JSON.stringify({ error: explanation }, null, 2) : explanationText(explanation))
    process.exitCode = EXIT.found
  }
}

function noBrowserText(server: string): string {
  return `No browser can be opened here, and nobody is at a terminal. Without a browser on this machine:

  idplug login ${server} --device       shows a code to enter elsewhere
  idplug login ${server} --paste        at a terminal: takes the address at which a browser elsewhere ends
  idplug login ${server} --no-browser   shows the address to open on this machine, and waits for five minutes

A machine signs in on its own with each call: --client-credentials, see idplug call --help.`
}

function openText(server: string): string {
  return `${server} does not ask for a sign-in. If it should, put protect(auth) in front of the endpoint.`
}

function loopbackUri(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol !== 'http:' || !isLoopback(url.hostname) || !url.port) {
    throw new InvalidArgumentError(
      'Expected a URL on this machine with a port, such as http://127.0.0.1:8765/callback.',
    )
  }
  return value
}
