import { fileURLToPath } from 'node:url'

export const largePackages = fileURLToPath(new URL('./packages/node_modules/', import.meta.url))
