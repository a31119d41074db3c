import { z } from 'zod'
import { defineAdapter } from '../../../../src/adapter.ts'
import { createJwtValidator } from '../../../../src/engines/jwt.ts'
import { ORIGIN } from './world.ts'

/** Knows its provider by heart. */
export const adapter = defineAdapter({
  name: 'own',
  title: 'Own provider',
  options: z.strictObject({ adapter: z.string() }),
  create: (_options, context) =>
    createJwtValidator(
      { issuer: ORIGIN, jwksUri: `${ORIGIN}/jwks`, audience: { audience: [context.resource] }, types: null },
      context,
    ),
})
