//! `atelier workspace set`: the settings that clients store with a workspace.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::CliError;
use crate::cli::flags::YesNo;
use crate::domain::workspace::{LlmIntegration, SettingText, Settings, WorkspaceChange};
use crate::error::{Error, InField as _};

/// The settings. An empty text removes one.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether clients show machine-learning models.
    #[arg(long, value_name = "YES/NO")]
    ml_models: Option<YesNo>,
    /// The color at the start of the gradient, such as #1e90ff.
    #[arg(long, value_name = "COLOR")]
    gradient_start_color: Option<String>,
    /// The color at the end of the gradient.
    #[arg(long, value_name = "COLOR")]
    gradient_end_color: Option<String>,
    /// The integration of the default language model; needs its model.
    #[arg(long, value_name = "INTEGRATION")]
    llm_integration: Option<String>,
    /// The default language model of that integration.
    #[arg(long, value_name = "MODEL", requires = "llm_integration")]
    llm_model: Option<String>,
    /// The integration in which agents run by default.
    #[arg(long, value_name = "INTEGRATION")]
    agent_runtime: Option<String>,
}

impl Options {
    /// The change. Refused if it changes nothing, and if a language model lacks one of its two parts.
    pub(super) fn to_change(&self) -> Result<WorkspaceChange, CliError> {
        let change = WorkspaceChange {
            ml_models_enabled: self.ml_models.map(YesNo::is_yes),
            gradient_start_color: setting("--gradient-start-color", self.gradient_start_color.as_deref())?,
            gradient_end_color: setting("--gradient-end-color", self.gradient_end_color.as_deref())?,
            default_llm_integration: self.llm()?,
            default_agent_runtime: setting("--agent-runtime", self.agent_runtime.as_deref())?,
            ..WorkspaceChange::default()
        };
        let is_empty = change.ml_models_enabled.is_none()
            && change.gradient_start_color.is_none()
            && change.gradient_end_color.is_none()
            && change.default_llm_integration.is_none()
            && change.default_agent_runtime.is_none();
        if is_empty {
            let words = "nothing to change; give a setting, see `atelier workspace set --help`";
            return Err(CliError::Usage(words.to_owned()));
        }
        Ok(change)
    }

    #[expect(clippy::option_option, reason = "an empty text clears, an absent one leaves alone")]
    fn llm(&self) -> Result<Option<Option<LlmIntegration>>, CliError> {
        let Some(integration) = setting("--llm-integration", self.llm_integration.as_deref())? else {
            return Ok(None);
        };
        match (integration, setting("--llm-model", self.llm_model.as_deref())?.flatten()) {
            (None, None) => Ok(Some(None)),
            (Some(integration), Some(model)) => Ok(Some(Some(LlmIntegration { integration, model }))),
            _ => Err(CliError::Usage(
                "--llm-integration and --llm-model belong together; give both, or --llm-integration \"\" alone to remove \
                 them"
                .to_owned(),
            )),
        }
    }
}

/// A given text, or `None` for an empty one.
#[expect(clippy::option_option, reason = "an empty text clears, an absent one leaves alone")]
fn setting(flag: &'static str, raw: Option<&str>) -> Result<Option<Option<SettingText>>, Error> {
    let parse = |raw: &str| (!raw.is_empty()).then(|| SettingText::parse(raw)).transpose();
    raw.map(parse).transpose().in_field(flag)
}

/// Adds the settings to the JSON of a workspace.
pub(super) fn add_to(value: &mut Value, settings: &Settings) {
    let text = |text: &Option<SettingText>| text.as_ref().map(|text| text.as_str().to_owned());
    let llm = settings.default_llm_integration.as_ref();
    for (name, setting) in [
        ("ml_models_enabled", json!(settings.ml_models_enabled)),
        ("gradient_start_color", json!(text(&settings.gradient_start_color))),
        ("gradient_end_color", json!(text(&settings.gradient_end_color))),
        ("llm_integration", json!(llm.map(|llm| llm.integration.as_str()))),
        ("llm_model", json!(llm.map(|llm| llm.model.as_str()))),
        ("agent_runtime", json!(text(&settings.default_agent_runtime))),
    ] {
        value[name] = setting;
    }
}
