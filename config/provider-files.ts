import auth0 from './auth0.json' with { type: 'json' }
import azure from './azure.json' with { type: 'json' }
import demo from './demo.json' with { type: 'json' }
import github from './github.json' with { type: 'json' }
import google from './google.json' with { type: 'json' }
import introspection from './introspection.json' with { type: 'json' }
import oidc from './oidc.json' with { type: 'json' }
import okta from './okta.json' with { type: 'json' }

/**
 * The configuration of each provider, by the name of its adapter: the metadata URL, and which variables its options are taken from.
 * Imported, so that bundles have them too.
 */
export const providerFiles: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  auth0,
  azure,
  demo,
  github,
  google,
  introspection,
  oidc,
  okta,
}
