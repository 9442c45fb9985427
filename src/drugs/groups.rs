//! Drugs that need special care: a small list of our own, by class and ingredient.
//!
//! Which kinds of drugs are on it follows the drugs of 特定薬剤管理指導加算１ (厚生労働省, 調剤報酬点数表 別表第三 区分10の3 and its notice) and 日本病院薬剤師会,
//! ハイリスク薬に関する業務ガイドライン Ver.2.2; steroids, antiplatelets and drugs against Parkinson's disease are added since stopping them
//! suddenly, or bleeding, is what a disaster brings about. Classes and ingredients are those of the ministry's price list of 2025-07-16.

use super::code::{Route, Substance};
use crate::sentence::Sentence;

/// A kind of drugs that needs special care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Warfarin, direct oral anticoagulants, heparins: one group over several classes.
    Anticoagulant,
    /// Against platelets.
    Antiplatelet,
    /// Insulins, also combined.
    Insulin,
    /// Other drugs that lower blood sugar.
    BloodSugar,
    /// Against epilepsy.
    Antiepileptic,
    /// Steroids that act in the whole body.
    Steroid,
    /// Methotrexate: mostly weekly, and deadly when taken daily.
    Methotrexate,
    /// Immunosuppressants.
    Immunosuppressant,
    /// Lithium.
    Lithium,
    /// Clozapine: only under monitoring.
    Clozapine,
    /// Digitalis.
    Digitalis,
    /// Against arrhythmia.
    Antiarrhythmic,
    /// Theophylline and aminophylline.
    Theophylline,
    /// Opioids.
    Opioid,
    /// Against cancer.
    Antineoplastic,
    /// Against HIV.
    Antiretroviral,
    /// Against Parkinson's disease.
    Parkinson,
}

/// Which substances belong to a group.
struct Rule {
    group: Group,
    /// Beginnings of class and ingredient.
    prefixes: &'static [&'static str],
    /// Whether what is applied to the skin or the eye is meant, too.
    with_external: bool,
}

/// The first that fits decides, so methotrexate stands before the classes that it is in.
const RULES: [Rule; 17] = [
    Rule { group: Group::Methotrexate, prefixes: &["4222", "3999016", "3999468"], with_external: false },
    Rule { group: Group::Anticoagulant, prefixes: &["3332", "3334", "3339"], with_external: false },
    Rule {
        group: Group::Antiplatelet,
        prefixes: &[
            "3399001", "3399002", "3399006", "3399007", "3399008", "3399009", "3399011", "3399100", "3399101", "3399102",
            "3399103",
        ],
        with_external: false,
    },
    Rule { group: Group::Insulin, prefixes: &["24924", "24925", "39695"], with_external: false },
    Rule {
        group: Group::BloodSugar,
        prefixes: &["396", "2499014", "2499410", "2499411", "2499415", "2499416", "2499418", "2499422"],
        with_external: false,
    },
    Rule { group: Group::Antiepileptic, prefixes: &["113", "1125003", "1125004", "1125402", "1125700"], with_external: true },
    Rule { group: Group::Steroid, prefixes: &["2452", "2454", "2456", "2459100"], with_external: false },
    Rule {
        group: Group::Immunosuppressant,
        prefixes: &["3999002", "3999004", "3999005", "3999014", "3999017", "3999022", "3999406", "3999416", "3999417"],
        with_external: false,
    },
    Rule { group: Group::Lithium, prefixes: &["1179017"], with_external: false },
    Rule { group: Group::Clozapine, prefixes: &["1179049"], with_external: false },
    Rule { group: Group::Digitalis, prefixes: &["2113"], with_external: false },
    Rule { group: Group::Antiarrhythmic, prefixes: &["2121", "2122", "2129"], with_external: false },
    Rule { group: Group::Theophylline, prefixes: &["2251", "2115001", "2115002", "2115400", "2115404"], with_external: false },
    Rule { group: Group::Opioid, prefixes: &["811", "812", "821"], with_external: true },
    Rule { group: Group::Antineoplastic, prefixes: &["421", "422", "423", "424", "429"], with_external: false },
    Rule {
        group: Group::Antiretroviral,
        prefixes: &[
            "6250001", "6250006", "6250011", "6250013", "6250014", "6250020", "6250024", "6250030", "6250032", "6250034",
            "6250036", "6250038", "6250049", "6250050", "6250053", "6250100", "6250101", "6250102", "6250103", "6250106",
            "6250109", "6250110", "6250111", "6250114", "6250115", "6250117", "6250118", "6250119", "6250408", "6250409",
            "6250410",
        ],
        with_external: false,
    },
    Rule { group: Group::Parkinson, prefixes: &["116"], with_external: true },
];

impl Group {
    /// The group of a substance, where it is on the list.
    pub fn of(substance: Substance) -> Option<Self> {
        let is_external = substance.route() == Route::External;
        let fits = |rule: &&Rule| {
            let is_meant = rule.with_external || !is_external;
            is_meant && rule.prefixes.iter().any(|prefix| substance.as_str().starts_with(prefix))
        };
        RULES.iter().find(fits).map(|rule| rule.group)
    }

    /// What it is called, for staff.
    pub fn called(self) -> Sentence {
        let (japanese, english) = match self {
            Self::Anticoagulant => ("抗凝固薬", "anticoagulant"),
            Self::Antiplatelet => ("抗血小板薬", "antiplatelet drug"),
            Self::Insulin => ("インスリン", "insulin"),
            Self::BloodSugar => ("血糖降下薬", "blood sugar lowering drug"),
            Self::Antiepileptic => ("抗てんかん薬", "antiepileptic"),
            Self::Steroid => ("ステロイド（全身）", "systemic steroid"),
            Self::Methotrexate => ("メトトレキサート", "methotrexate"),
            Self::Immunosuppressant => ("免疫抑制薬", "immunosuppressant"),
            Self::Lithium => ("リチウム", "lithium"),
            Self::Clozapine => ("クロザピン", "clozapine"),
            Self::Digitalis => ("ジギタリス", "digitalis"),
            Self::Antiarrhythmic => ("抗不整脈薬", "antiarrhythmic"),
            Self::Theophylline => ("テオフィリン", "theophylline"),
            Self::Opioid => ("オピオイド", "opioid"),
            Self::Antineoplastic => ("抗悪性腫瘍薬", "antineoplastic"),
            Self::Antiretroviral => ("抗HIV薬", "antiretroviral"),
            Self::Parkinson => ("パーキンソン病治療薬", "drug against Parkinson's disease"),
        };
        Sentence { ja: japanese.to_owned(), en: english.to_owned() }
    }

    /// What to watch for, in a few words for staff.
    pub fn care(self) -> Sentence {
        let (japanese, english) = match self {
            Self::Anticoagulant => ("出血・中断による塞栓に注意", "bleeding; clots when it is interrupted"),
            Self::Antiplatelet => ("出血・中断による血栓に注意", "bleeding; clots when it is interrupted"),
            Self::Insulin => (
                "低血糖・中断による高血糖に注意。食事の有無を確認",
                "low blood sugar, and high when interrupted: ask about meals",
            ),
            Self::BloodSugar => ("低血糖に注意。食事の有無を確認", "low blood sugar: ask about meals"),
            Self::Antiepileptic => ("中断すると発作のおそれ", "seizures when it is interrupted"),
            Self::Steroid => ("急に中断しない", "not to be stopped suddenly"),
            Self::Methotrexate => (
                "多くは週に1〜2日だけ服用。毎日ではないことを必ず確認",
                "mostly taken one or two days a week: make sure that it is not taken daily",
            ),
            Self::Immunosuppressant => ("感染に注意・中断しない", "infections; not to be interrupted"),
            Self::Lithium => ("脱水で中毒のおそれ", "poisoning when dehydrated"),
            Self::Clozapine => ("管理手順に沿った確認が必要", "only under its monitoring programme"),
            Self::Digitalis => ("中毒に注意（脱水・腎機能）", "poisoning (dehydration, kidneys)"),
            Self::Antiarrhythmic => ("中断・相互作用に注意", "interruption, interactions"),
            Self::Theophylline => ("中毒・相互作用に注意", "poisoning, interactions"),
            Self::Opioid => ("急な中断・呼吸抑制に注意。保管を確認", "sudden interruption, slow breathing; ask how it is kept"),
            Self::Antineoplastic => ("休薬期間・感染に注意", "days without it, infections"),
            Self::Antiretroviral => ("中断しない・相互作用に注意", "not to be interrupted; interactions"),
            Self::Parkinson => ("急に中断しない（悪性症候群のおそれ）", "not to be stopped suddenly (malignant syndrome)"),
        };
        Sentence { ja: japanese.to_owned(), en: english.to_owned() }
    }
}
