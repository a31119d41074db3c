import type { ConfigProblem } from '../src/config-error.ts'
import { builtIn } from './files.ts'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** What is wrong with the file that `AUTH_CA_FILE` names. */
export function caFileProblems(path: string | undefined): ConfigProblem[] {
  const problem = path === undefined ? undefined : problemOf(path)
  return problem === undefined ? [] : [{ setting: 'AUTH_CA_FILE', problem, see: 'docs/settings.md' }]
}

function problemOf(path: string): string | undefined {
  let text: string
  try {
    // As those who trust it read it.
    text = builtIn('fs').readFileSync(path, 'utf8')
  } catch (error) {
    return `names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`
  }
  const certificates = text.match(CERTIFICATE) ?? []
  return certificates.length > 0 && certificates.every(isCertificate)
    ? undefined
    : 'names a file that does not hold certificates (PEM, BEGIN CERTIFICATE)'
}

function isCertificate(pem: string): boolean {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  try {
    return crypto !== undefined && new crypto.X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}
