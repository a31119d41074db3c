import { readFileSync } from 'node:fs'
import nock from 'nock'
import { loadConfiguration } from '../../config/load.ts'
import { RESOURCE, type RecordedProvider, type Recording } from './declaration.ts'
import { type Exchange, judgeTokens, type Outcome, type RecordingFile } from './recording.ts'
import { type Captured, redact } from './redact.ts'
import { replay } from './replay.ts'

/** A tenant of the user's own, set up by the same variables as `npm start`. */
export interface LiveTenant {
  env: Readonly<Record<string, string | undefined>>
  /** By label of the declaration; any may be missing. */
  tokens: Readonly<Record<string, string>>
}

/**
 * Makes a recording over real HTTP: from the tenant, or from the provider's emulator where none is given. Replays it before it
 * hands it out.
 *
 * @throws {Error} A token was not treated as declared, something could not be redacted, or the replay went otherwise. The
 *   message holds no token.
 */
export async function record(
  provider: RecordedProvider,
  recording: Recording,
  live?: LiveTenant,
): Promise<RecordingFile> {
  const standIn = live ? undefined : await recording.standIn()
  const tokens = inOrder(recording, live?.tokens ?? standIn?.tokens ?? {})
  const settings = {
    AUTH_PROVIDER: provider.provider,
    ...(standIn ? { PUBLIC_URL: new URL(RESOURCE).origin, ...standIn.env } : settingsOf(provider, live?.env ?? {})),
  }
  try {
    const { secrets, ...configured } = await withSecrets(settings, live?.env ?? {})
    const now = Date.now()
    const { outcomes, exchanges } = await capture(configured.settings, tokens, now)
    refuseSurprises(outcomes, recording)
    const rules = { ...provider, secrets, rename: standIn?.rename ?? [] }
    const redacted = await redact({ settings: configured.settings, tokens, exchanges }, rules)
    return await replayed(redacted, outcomes, {
      source: standIn ? 'emulator, from documented facts' : 'live tenant',
      recordedAt: new Date(now).toISOString(),
      redacted: ['tokens', 'keys', 'secrets', 'personal data', ...(standIn ? ["the emulator's address"] : [])],
    })
  } finally {
    await standIn?.emulator.close()
  }
}

function inOrder({ tokens }: Recording, given: Readonly<Record<string, string>>): Record<string, string> {
  const unknown = Object.keys(given).filter(label => !(label in tokens))
  if (unknown.length > 0) {
    throw new Error(`no token is called ${unknown.join(', ')}; there are ${Object.keys(tokens).join(', ')}`)
  }
  const labels = Object.keys(tokens).filter(label => given[label] !== undefined)
  if (labels.length === 0) throw new Error(`give one token at least, of ${Object.keys(tokens).join(', ')}`)
  return Object.fromEntries(labels.map(label => [label, given[label] as string]))
}

/** The variables that the provider's file speaks of, and those that apply to each. */
function settingsOf({ provider }: RecordedProvider, env: LiveTenant['env']): Record<string, string> {
  const file = readFileSync(new URL(`../../config/${provider}.json`, import.meta.url), 'utf8')
  const named = [...file.matchAll(/\$\{([A-Z0-9_]+)/g)].map(match => match[1] as string)
  const found = ['PUBLIC_URL', 'AUTH_METADATA_URL', ...named].map(name => [name, env[name]] as const)
  return Object.fromEntries(found.filter((entry): entry is [string, string] => Boolean(entry[1])))
}

/** Secrets are named by options that end in `Env`; for the replay their stand-ins become settings. */
function withSecrets(settings: Record<string, string>, env: LiveTenant['env']) {
  const { providers } = loadConfiguration({ ...env, ...settings })
  const secrets = providers.flatMap(({ options, secret }) =>
    Object.entries(options)
      .filter((entry): entry is [string, string] => entry[0].endsWith('Env') && typeof entry[1] === 'string')
      .map(([, name]) => [name, secret(name)] as const),
  )
  return {
    settings: { ...settings, ...Object.fromEntries(secrets) },
    secrets: secrets.map(([, value]) => value),
  }
}

async function capture(settings: Record<string, string>, tokens: Record<string, string>, now: number) {
  nock.recorder.rec({ dont_print: true, output_objects: true })
  try {
    const outcomes = await judgeTokens(settings, tokens, now)
    return { outcomes, exchanges: nock.recorder.play() as unknown as Exchange[] }
  } finally {
    nock.restore()
    nock.recorder.clear()
  }
}

function kindOf(outcome: Outcome | undefined): string {
  if (!outcome) return 'nothing'
  return 'accepted' in outcome ? 'accepted' : outcome.refused
}

function refuseSurprises(outcomes: Record<string, Outcome>, { tokens }: Recording): void {
  const surprises = Object.entries(outcomes)
    .filter(([label, outcome]) => kindOf(outcome) !== tokens[label])
    .map(([label, outcome]) => `${label}: ${kindOf(outcome)} instead of ${tokens[label]}`)
  if (surprises.length > 0) throw new Error(`the tokens were not treated as declared: ${surprises.join('; ')}`)
}

/** @throws {Error} What was redacted mattered. */
async function replayed(
  { settings, tokens, exchanges }: Captured,
  captured: Record<string, Outcome>,
  provenance: RecordingFile['provenance'],
): Promise<RecordingFile> {
  const file = (outcomes: Record<string, Outcome>): RecordingFile => ({
    provenance,
    settings,
    tokens: Object.fromEntries(
      Object.entries(tokens).map(([label, token]) => [label, { token, outcome: outcomes[label] as Outcome }]),
    ),
    exchanges,
  })
  const { outcomes, unused } = await replay(file(captured))
  for (const label of Object.keys(tokens)) {
    const [was, is] = [kindOf(captured[label]), kindOf(outcomes[label])]
    if (was !== is) throw new Error(`the redacted recording does not replay: ${label} was ${was}, is ${is}`)
  }
  if (unused.length > 0) throw new Error(`the redacted recording does not replay: no request for ${unused.join(', ')}`)
  return file(outcomes)
}
