import type { ResourceDeclaration } from 'idplug'
import { clip } from 'idplug/internal'
import type { GatewayTarget, ResourceGroup } from '../../gateway/configuration.ts'
import { SCAN_LIMITS, type Scan, ScanError, type ScanPlace, scanTarget } from '../../gateway/scan.ts'
import { MODERN } from '../../gateway/scan-http.ts'
import { targetProblem } from '../../gateway/target-check.ts'
import type { FindingCode } from './catalogue/index.ts'
import { type Finding, finding } from './finding.ts'

/** Checks what is behind the resources of a gateway, each by itself. Commands are started, and ended again; no tool is called. */
export async function checkTargets({ declarations, targets }: ResourceGroup): Promise<Finding[]> {
  const found = await Promise.all(
    Object.entries(targets).map(async ([key, target]) => {
      const problem = await problemOf(target, declarations[key])
      return problem ? [finding(problem.code, `${key}: ${problem.seen}`)] : []
    }),
  )
  return found.flat()
}

interface Problem {
  readonly code: FindingCode
  readonly seen: string
}

async function problemOf(
  { place, identity }: GatewayTarget,
  declaration: ResourceDeclaration | undefined,
): Promise<Problem | undefined> {
  if (place.kind === 'command') return commandProblem(place)
  const { url, transport } = place
  const headers = identity.kind === 'credential' ? { [identity.header]: identity.value } : {}
  const problem = transport === 'sse' ? undefined : await targetProblem(url, headers)
  if (problem?.kind === 'unreachable') return { code: 'gateway.target_unreachable', seen: problem.seen }
  if (problem?.kind === 'not MCP') return { code: 'gateway.target_not_mcp', seen: problem.seen }
  if (problem) return { code: refusalCode(identity), seen: problem.seen }
  const isDeclared = declaration?.mcpHeaders === 'compared'
  if (!isDeclared && transport !== 'sse') return undefined
  const scan = await scanned({ url, headers })
  if (scan instanceof ScanError) {
    const { status } = causeOf(scan)
    return status === 401 || status === 403
      ? { code: refusalCode(identity), seen: `status ${status} at ${new URL(url).origin}` }
      : { code: 'gateway.target_not_mcp', seen: scan.message }
  }
  return isDeclared ? headersProblem(scan) : undefined
}

/** A server that checks who is calling is right to refuse the doctor, who is nobody. */
function refusalCode({ kind }: GatewayTarget['identity']): FindingCode {
  return kind === 'assertion' || kind === 'headers' ? 'gateway.target_refuses_strangers' : 'gateway.target_refuses'
}

function headersProblem({ protocol, comparesHeaders }: Scan): Problem | undefined {
  const code = 'gateway.headers_not_compared'
  if (protocol !== MODERN) return { code, seen: `protocol ${clip(protocol)}, which has no such headers` }
  return comparesHeaders === false
    ? { code, seen: 'it does not refuse every message whose headers differ from it' }
    : undefined
}

type CommandPlace = Extract<GatewayTarget['place'], { kind: 'command' }>

async function commandProblem({ command, env, callerEnvironment }: CommandPlace): Promise<Problem | undefined> {
  const scan = await scanned({ command, env })
  if (!(scan instanceof ScanError)) return undefined
  const { code } = causeOf(scan)
  if (code === 'ENOENT' || code === 'EACCES') {
    return { code: 'gateway.command_missing', seen: `${clip(command[0])} (${code})` }
  }
  // It may need to know who is calling, and the doctor is nobody.
  return callerEnvironment ? undefined : { code: 'gateway.command_fails', seen: scan.message }
}

async function scanned(place: ScanPlace): Promise<Scan | ScanError> {
  try {
    return await scanTarget(place, SCAN_LIMITS, text => console.error(text))
  } catch (error) {
    if (!(error instanceof ScanError)) throw error
    return error
  }
}

/** What went wrong may be anything that was thrown, or nothing. */
const causeOf = ({ cause }: ScanError) => (cause ?? {}) as { readonly status?: unknown; readonly code?: unknown }
