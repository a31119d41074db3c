import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import { providerOptions, providerUrl, textListNonEmpty, vanishedKeySeconds } from '../../src/adapter-options.ts'
import { claimMistakes, claimOptions, claimRules } from '../../src/claims/options.ts'
import { issuerMistakes, issuerRules, issuerSettings } from '../../src/engines/issuer-options.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { signatureAlgorithms } from '../../src/engines/signature.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { peopleOfTokens } from '../../src/people/people.ts'
import { people } from './people.ts'
import { productAt } from './products.ts'
import { explain } from './refusals.ts'

const options = providerOptions.extend({
  ...claimOptions.shape,
  ...peopleOptions(people.principals).shape,
  ...issuerSettings.shape,
  adapter: z.literal('oidc'),
  jwksUri: providerUrl
    .optional()
    .describe(
      'Where the keys are, for providers without metadata, or whose metadata names a place that this server cannot reach. Default: jwks_uri of the metadata.',
    ),
  types: textListNonEmpty
    .nullable()
    .default(null)
    .describe('Accepted typ values in the header of access tokens, e.g. at+jwt. Default: null, JWT, at+jwt or none.'),
  algorithms: textListNonEmpty
    .pipe(z.tuple([z.enum(signatureAlgorithms)], z.enum(signatureAlgorithms)))
    .optional()
    .describe(
      'Accepted signature algorithms. Default: RS256, PS256, ES256, ES384, EdDSA. None is taken from metadata.',
    ),
  vanishedKeySeconds: vanishedKeySeconds(600),
})

/** Any provider with metadata and a key set. */
export const oidc = defineAdapter({
  name: 'oidc',
  title: 'The OpenID provider',
  options,
  mistakes: settings => ({ ...claimMistakes(settings), ...issuerMistakes(settings) }),
  people: peopleOfTokens(people),
  create(settings, context) {
    const { metadataUrl, issuer, jwksUri, types, algorithms, vanishedKeySeconds } = settings
    const cures = productAt(new URL(issuer ?? metadataUrl)) ?? {}
    return createJwtValidator(
      {
        ...claimRules(settings, context),
        ...issuerRules(settings),
        jwksUri,
        types,
        algorithms,
        keys: { vanishedKeySeconds },
        explain: reason => explain(reason, settings, cures, context.variableOf),
      },
      context,
    )
  },
})
