// For the commands of this project, in the package beside. Promises nothing.

export { consoles } from '../adapters/consoles.ts'
export { people } from '../adapters/people.ts'
export { type ApiKeyEntry, checkApiKeys, readApiKeys } from '../config/api-keys-file.ts'
export { callbackOf } from '../config/bridge.ts'
export { type Environment, readSecret } from '../config/environment.ts'
export { exposures } from '../config/exposure.ts'
export { readJsonFile, stateOfFile } from '../config/files.ts'
export { type KnownNames, knownNames, providerVariables, secretVariables } from '../config/known-names.ts'
export { LINK_COLUMNS, readLinks } from '../config/links-file.ts'
export { type Configuration, type LoadOptions, loadConfiguration } from '../config/load.ts'
export type { SettingsFile } from '../config/name-problems.ts'
export type { ProviderConfiguration } from '../config/providers.ts'
export { secretSettings, settingsSchema } from '../config/settings.ts'
export { basicCredentials } from '../src/basic-credentials.ts'
export { didYouMean } from '../src/closest.ts'
export { closeGracefully, createHttpServer } from '../src/edges/http-server.ts'
export { listen } from '../src/edges/listen.ts'
export { hasBody, parseNodeBody } from '../src/edges/node-body.ts'
export { wellKnownUrls } from '../src/engines/discovery.ts'
export { networkFailure } from '../src/engines/network-error.ts'
export { createLinkSet } from '../src/identity-links.ts'
export { type IpRange, isWithin, parseIpAddress, parseIpRange } from '../src/ip-address.ts'
export { protectedResourceMetadataUrl } from '../src/metadata/protected-resource.ts'
export { type ServerToSetUp, USE_THE_BRIDGE } from '../src/provider-console.ts'
export { createProviderFetch } from '../src/provider-fetch.ts'
export { clip } from '../src/text.ts'
export { isLoopback, urlProblem } from '../src/url.ts'
export { API_KEY_PREFIX } from '../src/validators/api-keys.ts'
export { createBridge } from './bridge.ts'
export { declarationProblems } from './declaration.ts'
export { declarationSchema } from './declaration-schema.ts'
export { combineObservers } from './observers.ts'
export {
  bridgeLines,
  createOwnServer,
  encryptionKeysOf,
  GRACE_MILLISECONDS,
  loadServerPackage,
  type OpenStores,
  openStores,
} from './own-server.ts'
export { createProviders } from './providers.ts'
