import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import { providerOptions, providerUrl, textListNonEmpty, vanishedKeySeconds } from '../../src/adapter-options.ts'
import { claimMistakes, claimOptions, claimRules } from '../../src/claims/options.ts'
import { issuerMistakes, issuerRules, issuerSettings } from '../../src/engines/issuer-options.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { createKeysById, KEY_ID_PLACE } from '../../src/engines/keys-by-id.ts'
import { signatureAlgorithms } from '../../src/engines/signature.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { peopleOfTokens } from '../../src/people/people.ts'
import { people } from './people.ts'
import { productAt } from './products.ts'
import { explain } from './refusals.ts'

const options = () =>
  providerOptions.extend({
    ...claimOptions.shape,
    ...peopleOptions(people.principals).shape,
    ...issuerSettings.shape,
    adapter: z.literal('oidc'),
    jwksUri: providerUrl
      .optional()
      .describe(
        'Where the keys are, for providers without metadata, or whose metadata names a place that this server cannot reach. Default: jwks_uri of the metadata.',
      ),
    keyUrl: providerUrl
      .optional()
      .describe(
        'For gateways that publish each key as PEM at a URL of its own (AWS Application Load Balancer): that URL, with {kid} for the id of the key. Keys of elliptic curves only. The parts of a token may then be padded with =. Default: a key set.',
      ),
    headerClaims: textListNonEmpty
      .optional()
      .describe(
        'Header parameters of tokens that count as claims, in place of those of the payload: iss, exp, client, signer (AWS Application Load Balancer). Default: none.',
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
  mistakes: settings => ({ ...claimMistakes(settings), ...issuerMistakes(settings), ...keyUrlMistakes(settings) }),
  people: peopleOfTokens(people),
  create(settings, context) {
    const { metadataUrl, issuer, jwksUri, keyUrl, headerClaims, types, algorithms, vanishedKeySeconds } = settings
    const cures = productAt(new URL(issuer ?? metadataUrl)) ?? {}
    const rules = claimRules(settings, context)
    const keys = { vanishedKeySeconds }
    return createJwtValidator(
      {
        ...rules,
        ...issuerRules(settings),
        ...(keyUrl !== undefined && {
          createKeys: complete => createKeysById(keyUrl, keys, complete),
          beforeKeys: rules.check,
          isPadded: true,
        }),
        jwksUri,
        headerClaims,
        types,
        algorithms,
        keys,
        explain: reason => explain(reason, settings, cures, context.variableOf),
      },
      context,
    )
  },
})

function keyUrlMistakes({ keyUrl, jwksUri }: { keyUrl?: string; jwksUri?: string }): { keyUrl?: string } {
  if (keyUrl === undefined) return {}
  if (jwksUri !== undefined) return { keyUrl: 'contradicts jwksUri: the keys are in one of the two places' }
  return keyUrl.split(KEY_ID_PLACE).length === 2 && keyUrl.endsWith(KEY_ID_PLACE)
    ? {}
    : { keyUrl: `must end in ${KEY_ID_PLACE}, which stands for the id of the key` }
}
