// What is published from this repository, and what each package needs at run time.
import manifest from '../package.json' with { type: 'json' }

export interface Package {
  readonly name: string
  /** Where it is built, below the output folder. */
  readonly folder: string
  readonly description: string
  readonly keywords: readonly string[]
  /** Source by the name under which it is imported. */
  readonly entries: Readonly<Record<string, string>>
  /** Entries that promise nothing, so that they have no declarations. */
  readonly untyped: readonly string[]
  /** Entries that run when they are imported. */
  readonly programs: readonly string[]
  /** Sources that stand in one file with everything that they import: in this order, each with what the ones before it lack. */
  readonly together: Readonly<Record<string, readonly string[]>>
  /** Everything that its JavaScript imports. A test compares the two. */
  readonly dependencies: readonly string[]
  /** Packages that an entry is for: whoever uses the entry has them. */
  readonly peers: Readonly<Record<string, string>>
  readonly imports?: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  /** Files that are shipped as they are: place in the package by place in the repository. */
  readonly files: Readonly<Record<string, string>>
}

const { version } = manifest
const shared = { LICENSE: 'LICENSE', 'CHANGELOG.md': 'CHANGELOG.md' }

export const library: Package = {
  name: 'idplug',
  folder: 'idplug',
  description: 'Sign-in for MCP servers that you can swap with one line of configuration.',
  keywords: manifest.keywords,
  entries: Object.fromEntries(
    Object.entries(manifest.exports)
      .filter(([name]) => name !== './package.json')
      .map(([name, file]) => [name, file.slice(2)]),
  ),
  untyped: ['./internal'],
  programs: [],
  together: {
    core: [manifest.exports['./core'].slice(2)],
    // What auth/own-server-run.ts needs of the next. If it referred to that, which loads it later, esbuild would make one file of all in
    // which packages such as zod begin too late for others that use them.
    shared: [
      'adapters/group-lookups.ts',
      'adapters/people.ts',
      'auth/own-server-refusals.ts',
      'auth/sign-in-scopes.ts',
      'config/files.ts',
      'src/provider-fetch.ts',
    ],
    index: [manifest.exports['.'].slice(2)],
  },
  dependencies: ['jose', 'lru-cache', 'openid-client', 'undici', 'zod'],
  peers: {
    '@idplug/server': version,
    '@modelcontextprotocol/sdk': '>=1.10',
    '@modelcontextprotocol/server': '>=2',
    '@opentelemetry/api': '>=1.4',
    express: '>=4',
    vitest: '>=3',
  },
  imports: { '#authorization-server': '@idplug/server/authorization-server' },
  bin: { idplug: './bin/idplug.cjs' },
  files: {
    ...shared,
    'README.md': 'README.md',
    'AGENTS.md': 'AGENTS.md',
    'bin/idplug.cjs': 'app/bin/idplug.cjs',
    'schemas/provider.json': 'config/provider.schema.json',
    'schemas/resource.json': 'config/resource.schema.json',
    docs: 'docs',
  },
}

export const server: Package = {
  name: '@idplug/server',
  folder: 'server',
  description: 'What runs beside idplug: its commands, its authorization server and the emulators of providers.',
  keywords: manifest.keywords,
  entries: {
    './main': 'app/main.ts',
    './authorization-server': 'demo-as/index.ts',
    './emulators': 'emulators/index.ts',
    './observe': 'app/observe/index.ts',
  },
  untyped: ['./main', './authorization-server'],
  programs: ['./main'],
  together: {},
  dependencies: [
    '@clack/prompts',
    '@modelcontextprotocol/client',
    '@modelcontextprotocol/sdk',
    '@modelcontextprotocol/server',
    'cli-table3',
    'commander',
    'cross-spawn',
    'csv-parse',
    'csv-stringify',
    'env-paths',
    'eventsource-parser',
    'express',
    'http-cache-semantics',
    'idplug',
    'ipaddr.js',
    'jose',
    'light-my-request',
    'lru-cache',
    'oidc-provider',
    'open',
    'openid-client',
    'pg',
    'pino',
    'prom-client',
    'proper-lockfile',
    'redis',
    'tinyqueue',
    'undici',
    'zod',
  ],
  peers: {},
  files: {
    ...shared,
    'README.md': 'app/README.md',
    'schemas/gateway.json': 'config/gateway.schema.json',
  },
}

/** In the order in which they are published: the second needs the first. */
export const packages: readonly Package[] = [library, server]

/** Of the published package: the repository's own is private. */
export function manifestOf({
  name,
  description,
  keywords,
  entries,
  untyped,
  programs,
  peers,
  ...rest
}: Package): object {
  const versions: Readonly<Record<string, string>> = { ...manifest.dependencies, idplug: version }
  return {
    name,
    version,
    description,
    keywords,
    license: manifest.license,
    homepage: manifest.homepage,
    repository: manifest.repository,
    bugs: manifest.bugs,
    type: 'module',
    engines: manifest.engines,
    sideEffects: programs.length > 0 && programs.map(entry => `./lib/${outputName(entry)}.js`),
    exports: {
      ...Object.fromEntries(
        Object.entries(entries).map(([entry, file]) => [
          entry,
          untyped.includes(entry)
            ? `./lib/${outputName(entry)}.js`
            : { types: `./types/${file.replace(/\.ts$/, '.d.ts')}`, default: `./lib/${outputName(entry)}.js` },
        ]),
      ),
      ...(Object.keys(rest.files).some(place => place.startsWith('schemas/')) && { './schemas/*': './schemas/*' }),
      './package.json': './package.json',
    },
    imports: rest.imports,
    bin: rest.bin,
    dependencies: Object.fromEntries(rest.dependencies.map(each => [each, versions[each]])),
    ...(Object.keys(peers).length > 0 && {
      peerDependencies: peers,
      peerDependenciesMeta: Object.fromEntries(Object.keys(peers).map(each => [each, { optional: true }])),
    }),
  }
}

/** Name of the file of an entry: `index` for the package itself. */
export function outputName(entry: string): string {
  return entry === '.' ? 'index' : entry.slice(2)
}

/** Whether a file of `docs` is published: what people read. */
export function isToRead(path: string): boolean {
  const place = path.replaceAll('\\', '/')
  return (
    !/\.[jt]s$/.test(place) &&
    !/\/(decisions(\/|$)|conformance\/(results(\/|$)|field\.md$)|examples\/servers\/(?!README))/.test(place)
  )
}
