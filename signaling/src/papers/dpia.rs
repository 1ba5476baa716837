//! The draft of an impact assessment (article 35 of the GDPR) as a file that the PIA program of the
//! CNIL (LINCnil/pia) imports: `pia`, `answers`, `measures`, `evaluations` and `comments`.

use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Facts, Language, PaperError, SHARED_EN, SHARED_FR, code, environment, escape};

/// What the template gives.
#[derive(Debug, Deserialize)]
struct Draft {
    name: String,
    answers: Vec<Answer>,
    measures: Vec<Measure>,
}

/// An answer to a question of the program, known by its number.
#[derive(Debug, Deserialize)]
struct Answer {
    to: u32,
    /// Words, which become the HTML of the program's editor.
    #[serde(default)]
    text: Option<String>,
    /// HTML already.
    #[serde(default)]
    html: Option<String>,
    /// Words of a list; answers about measures name their titles.
    #[serde(default)]
    list: Vec<String>,
    /// From 1 (negligible) to 4 (maximal).
    #[serde(default)]
    gauge: Option<u8>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Measure {
    title: String,
    text: String,
}

/// The file.
pub(super) fn render(facts: &Facts, language: Language, date: &str) -> Result<String, PaperError> {
    let source = match language {
        Language::Fr => [SHARED_FR, FR].concat(),
        Language::En => [SHARED_EN, EN].concat(),
    };
    let values = context! { lang => code(language), date, ..Value::from(Serde(facts)) };
    let environment = environment();
    let template = environment.template_from_str(&source)?;
    let rendered = template.render_captured(values)?;
    let draft = Draft::deserialize(rendered.state().lookup("draft").unwrap_or_default())?;
    let made = format!("{date}T00:00:00.000Z");
    let answers = draft.answers.into_iter().zip(1..).map(|(answer, id)| {
        let text = answer.text.map(|text| text.chars().map(escape).collect());
        json!({
            "id": id, "pia_id": 1, "reference_to": answer.to, "created_at": made,
            "data": { "text": answer.html.or(text), "gauge": answer.gauge, "list": answer.list },
        })
    });
    let measures = draft.measures.into_iter().zip(1..).map(|(measure, id)| {
        json!({
            "id": id, "pia_id": 1, "title": measure.title, "content": measure.text,
            "placeholder": "measures.default_placeholder", "created_at": made,
        })
    });
    let file = json!({
        "pia": {
            "id": 1, "name": draft.name, "category": "", "status": 0, "progress": 0,
            "is_example": 0, "is_archive": 0, "structure_id": "",
            "author_name": "", "evaluator_name": "", "validator_name": "",
            "created_at": made, "updated_at": made,
        },
        "answers": answers.collect::<Vec<_>>(), "measures": measures.collect::<Vec<_>>(), "evaluations": [], "comments": [],
    });
    Ok(format!("{file:#}\n"))
}

const FR: &str = include_str!("texts/dpia.fr.jinja");
const EN: &str = include_str!("texts/dpia.en.jinja");
