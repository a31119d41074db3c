import { fileURLToPath } from 'node:url'
import type { NextConfig } from 'next'

const config: NextConfig = {
  // The routes import the library as it lies beside them.
  turbopack: { root: fileURLToPath(new URL('../../..', import.meta.url)) },
  devIndicators: false,
  // tsc has checked them, with the options of this folder.
  typescript: { ignoreBuildErrors: true },
}

export default config
