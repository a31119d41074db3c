import { onTestFinished } from 'vitest'
import { createAuth } from '../../../auth/create-auth.ts'
import { createTestIssuer } from '../../../src/testing/index.ts'
import { files } from '../files.ts'

/** The sign-in of a server under test, and the issuer whose tokens it accepts. */
export async function startSignIn() {
  const issuer = createTestIssuer()
  const auth = createAuth(files, { env: {}, providers: [issuer.provider], observer: {} })
  onTestFinished(() => auth.close())
  // The key of the issuer is known before an outage begins.
  await issuer.token()
  await auth.ready()
  return { issuer, auth }
}

export type SignIn = Awaited<ReturnType<typeof startSignIn>>
