// For the commands of this project, in the package beside. Promises nothing.

export { readJsonFile } from '../config/files.ts'
export { type Configuration, type Environment, loadConfiguration } from '../config/load.ts'
export { closeGracefully, createHttpServer } from '../src/edges/http-server.ts'
export { listen } from '../src/edges/listen.ts'
export { createProviderFetch } from '../src/provider-fetch.ts'
export { declarationProblems } from './declaration.ts'
export { bridgeLines, connectRedis, createOwnServer, GRACE_MILLISECONDS, loadServerPackage } from './own-server.ts'
