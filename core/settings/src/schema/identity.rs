use schemars::JsonSchema;
use serde::Deserialize;

use super::Time;

/// Who gives the tokens; by name, what that cloud's own tools would find by themselves.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Identity {
    Word(IdentityWord),
    Giver(Box<IdentityGiver>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum IdentityWord {
    Entra,
    Aws,
    Google,
}

/// One of the four, and how long it may take.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityGiver {
    /// Microsoft Entra ID.
    entra: Option<Entra>,
    /// AWS; its keys sign each request.
    aws: Option<Aws>,
    /// Google Cloud.
    google: Option<Google>,
    /// OAuth 2 client credentials.
    oauth: Option<Oauth>,
    /// The longest that one question to a token endpoint may take; `5s` by default.
    deadline: Option<Time>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Entra {
    /// The directory: its id or domain; `AZURE_TENANT_ID` by default.
    tenant: Option<String>,
    /// The application, or which managed identity; `AZURE_CLIENT_ID` by default.
    client_id: Option<String>,
    /// The application's secret, best as a variable.
    client_secret: Option<String>,
    /// Workload identity: the file with another issuer's token.
    token_file: Option<String>,
    /// The managed identity of the machine or the App Service.
    managed: Option<bool>,
    /// What the token is for; `https://cognitiveservices.azure.com/.default` by default.
    scope: Option<String>,
    /// The token endpoint's scheme and host, for other clouds than the public one.
    authority: Option<String>,
    /// The instance metadata service, where it is not the usual one.
    metadata_url: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Aws {
    /// A profile of AWS's own files.
    profile: Option<String>,
    /// Keys as they are, best as variables.
    access_key_id: Option<String>,
    /// Their secret part.
    secret_access_key: Option<String>,
    /// The token of temporary keys.
    session_token: Option<String>,
    /// A program that prints keys as JSON, with its arguments.
    credential_process: Option<String>,
    /// Web identity: the file with another issuer's token; needs `role_arn`.
    token_file: Option<String>,
    /// A role to take on.
    role_arn: Option<String>,
    /// The name under which AWS's logs show the role; `backstop` by default.
    role_session: Option<String>,
    /// What a foreign account's role asks for.
    external_id: Option<String>,
    /// The region to sign for; that of the provider's address by default.
    region: Option<String>,
    /// The service to sign for; that of the provider's address by default.
    service: Option<String>,
    /// The token service, where it is not the region's own.
    sts_url: Option<String>,
    /// The portal of single sign-on, where it is not the region's own.
    sso_url: Option<String>,
    /// The instance metadata service, where it is not the usual one.
    metadata_url: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Google {
    /// A key file: service account, signed-in user, or workload identity federation.
    key_file: Option<String>,
    /// The text of such a file, best as a variable.
    key: Option<String>,
    /// What the token is for; cloud-platform by default.
    scope: Option<String>,
    /// The metadata server, where it is not the usual one.
    metadata_url: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Oauth {
    /// The token endpoint.
    token_url: String,
    /// Who asks.
    client_id: String,
    /// The secret of who asks, best as a variable.
    client_secret: String,
    /// What the token is for.
    scope: Option<String>,
    /// Whom the token is for, at servers that ask.
    audience: Option<String>,
    /// How client and secret are shown: in the form, or in an `authorization` header.
    client_auth: Option<ClientAuth>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ClientAuth {
    Post,
    Basic,
}
