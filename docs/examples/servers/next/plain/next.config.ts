import type { NextConfig } from 'next'

const config: NextConfig = {
  // This folder stands in a repository that has a lockfile of its own.
  turbopack: { root: `${import.meta.dirname}/..` },
}

export default config
