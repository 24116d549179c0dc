//! How a client asks for an uploaded file to be converted. atelier converts nothing: it keeps the request.

use serde_json::Value;

use super::invalid::Invalid;
use super::json_text::JsonText;
use super::model::Runtime;

/// The frameworks of the Wallaroo SDK and its REST API.
pub const FRAMEWORKS: [&str; 27] = [
    "onnx",
    "tensorflow",
    "python",
    "keras",
    "sklearn",
    "pytorch",
    "xgboost",
    "custom",
    "vllm",
    "sglang",
    "mlflow",
    "hugging-face-automatic-speech-recognition",
    "hugging-face-feature-extraction",
    "hugging-face-image-classification",
    "hugging-face-image-segmentation",
    "hugging-face-image-to-text",
    "hugging-face-object-detection",
    "hugging-face-question-answering",
    "hugging-face-sentiment-analysis",
    "hugging-face-stable-diffusion-text-2-img",
    "hugging-face-summarization",
    "hugging-face-text-classification",
    "hugging-face-text-generation",
    "hugging-face-translation",
    "hugging-face-zero-shot-classification",
    "hugging-face-zero-shot-image-classification",
    "hugging-face-zero-shot-object-detection",
];

/// An object with a known `framework`, in the text in which it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    json: JsonText,
    runtime: Runtime,
}

impl Conversion {
    /// The maximum number of bytes. Lists of models contain it.
    pub const MAX_LENGTH: usize = 64 << 10;

    /// Checks what clients read: `framework`, `arch`, `accel`, `python_version`, `requirements` and `framework_config`.
    /// Other fields are kept.
    pub fn parse(json: JsonText) -> Result<Self, Invalid> {
        if json.as_str().len() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} bytes", Self::MAX_LENGTH)));
        }
        let Value::Object(fields) = json.to_value() else { return Err(Invalid::rule("must be an object")) };
        let framework = fields.get("framework").and_then(Value::as_str);
        let Some(framework) = framework.filter(|name| FRAMEWORKS.contains(name)) else {
            return Err(Invalid::rule(format!("must have a framework, which is one of {}", FRAMEWORKS.join(", "))));
        };
        let check = |name: &str, kind: &'static str, is_right: fn(&Value) -> bool| match fields.get(name) {
            None | Some(Value::Null) => Ok(()),
            Some(value) if is_right(value) => Ok(()),
            Some(_) => Err(Invalid::rule(format!("must have {kind} as {name}"))),
        };
        check("arch", "a string", Value::is_string)?;
        check("accel", "a string or an object", |value| value.is_string() || value.is_object())?;
        check("python_version", "a string", Value::is_string)?;
        check("requirements", "an array of strings", |value| {
            value.as_array().is_some_and(|all| all.iter().all(Value::is_string))
        })?;
        check("framework_config", "an object", Value::is_object)?;
        let runtime = match framework {
            "onnx" => Runtime::Onnx,
            "tensorflow" => Runtime::Tensorflow,
            "mlflow" => Runtime::Mlflow,
            _ => Runtime::Flight,
        };
        Ok(Self { json, runtime })
    }

    /// The engine for the framework.
    pub const fn runtime(&self) -> Runtime {
        self.runtime
    }
}

impl From<Conversion> for JsonText {
    fn from(conversion: Conversion) -> Self {
        conversion.json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Conversion, Invalid> {
        Conversion::parse(JsonText::parse(text).unwrap())
    }

    #[test]
    fn each_framework_has_an_engine() {
        for framework in FRAMEWORKS {
            let runtime = parse(&format!(r#"{{"framework":"{framework}"}}"#)).unwrap().runtime();
            let expected = match framework {
                "onnx" | "tensorflow" | "mlflow" => framework,
                _ => "flight",
            };
            assert_eq!(runtime.as_str(), expected);
        }
    }

    #[test]
    fn a_conversion_is_kept_as_it_was_sent() {
        let text = r#"{ "requirements": ["a==1.0"], "framework":"custom", "arch":"x86", "accel":{"qaic":{"num_cores":4}},
            "python_version":"3.8", "framework_config": null, "new": 1.50 }"#;
        assert_eq!(JsonText::from(parse(text).unwrap()).as_str(), text);
    }

    #[test]
    fn a_wrong_shape_is_refused() {
        for (text, rule) in [
            ("[]", "must be an object"),
            ("{}", "must have a framework, which is one of onnx, tensorflow, python, "),
            (r#"{"framework":"ONNX"}"#, "must have a framework"),
            (r#"{"framework":"onnx","arch":1}"#, "must have a string as arch"),
            (r#"{"framework":"onnx","accel":[]}"#, "must have a string or an object as accel"),
            (r#"{"framework":"onnx","python_version":3.8}"#, "must have a string as python_version"),
            (r#"{"framework":"onnx","requirements":["a",1]}"#, "must have an array of strings as requirements"),
            (r#"{"framework":"onnx","framework_config":"x"}"#, "must have an object as framework_config"),
        ] {
            let refusal = parse(text).unwrap_err().rule;
            assert!(refusal.starts_with(rule), "{text}: {refusal}");
        }
        let long = format!(r#"{{"framework":"onnx","x":"{}"}}"#, "x".repeat(Conversion::MAX_LENGTH));
        assert_eq!(parse(&long).unwrap_err().rule, "must have at most 65536 bytes");
    }
}
