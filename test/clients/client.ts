import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packages } from './desk.ts'
import type { Place } from './kinds.ts'
import type { FilesServer } from './servers.ts'

/** One person with one client that remembers nothing yet. What goes wrong is thrown, with the words that the client has for it. */
export interface Session {
  /** Connects, and signs in where the client opens a browser for it. */
  connect(): Promise<void>
  /** Names of the tools. */
  list(): Promise<string[]>
  /** @returns Text of the answer. */
  call(tool: string, args: Readonly<Record<string, string>>): Promise<string>
  /** Ends the program and starts it anew. Absent where each call is a program of its own. */
  reopen?(): Promise<void>
  /** What the client opened in a browser so far. */
  opened(): URL[]
  close(): Promise<void>
}

/** Where a client connects, and who is in front of it. */
export type Destination = Pick<FilesServer, 'url' | 'issuer' | 'login' | 'provider' | 'clientId'>

export interface RealClient {
  /** Package and version. */
  readonly name: string
  /** Where it can be seen what it makes of what happens after the sign-in. Default: everywhere. */
  readonly endures?: readonly Place[]
  start(destination: Destination): Session
}

interface Manifest {
  name: string
  version: string
}

/**
 * @param folder - Name under which the package is installed; the one on npm and its version are read from its manifest.
 * @param place - Folder with the installed packages.
 */
export function installedName(folder: string, place = packages): string {
  const { name, version } = JSON.parse(readFileSync(join(place, folder, 'package.json'), 'utf8')) as Manifest
  return `${name} ${version}`
}
