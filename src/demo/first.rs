//! The three patients of the sample cards, composed by hand to show the most; and a near-twin of the first, whom nobody must be given the medicines of.

use super::SamplePatient;
use super::courses::{Course, as_needed, external, injection, oral, oral_for, taken};
use super::drugs as d;
use super::extras::{bought, concealed, family_pharmacist, note, own_entry};
use super::history::{TAPERING, in_order, sent_again_differently};
use super::places::{self, Hospital, PHARMACIES, Pharmacy};
use super::write::{Scribe, date, from_patient, from_pharmacy, prescription, remark, visit};
use crate::record::{Content, Creator, FactId, Memo, NoteKind, Patient, ProvidedInfo, Sex};
use jiff::Span;
use jiff::civil::Date;

/// Composes one of them.
type Compose = fn(&mut Scribe) -> Patient;

/// All of them, in the order of the cards.
pub(super) const COMPOSED: [Compose; 4] = [old_woman, man_with_insulin, child, near_twin];

/// The days of the year on which the first of them is older than her years; her near-twin was born a day later.
const FIRST_DAYS: i64 = 130;

/// The patient that `compose` writes.
pub(super) fn patient(compose: Compose, rng: fastrand::Rng, today: Date) -> SamplePatient {
    let mut scribe = Scribe::new(rng, today);
    let person = compose(&mut scribe);
    SamplePatient { person, facts: in_order(scribe.facts) }
}

/// The same visit every `interval_days`, the newest `newest_days` ago; the newest's id.
fn again_and_again(
    scribe: &mut Scribe,
    at: (&Pharmacy, &Hospital),
    courses: &[Course],
    (newest_days, interval_days, times): (i64, i64, i64),
) -> Option<FactId> {
    let days = (0..times).rev().map(|n| newest_days + n * interval_days);
    days.map(|back| {
        let day = scribe.ago(back);
        scribe.visit(day, at.0, visit(day, at.0, at.1, courses))
    })
    .last()
}

fn born_years_ago(scribe: &Scribe, years: i64, days: i64) -> Date {
    scribe.today.saturating_sub(Span::new().years(years).days(days))
}

/// 82 years: heart, blood, pain, eyes; many drugs, warfarin among them, and allergies.
fn old_woman(scribe: &mut Scribe) -> Patient {
    let [station, narrow, ..] = PHARMACIES;
    const HEART: &[Course] = &[
        oral(
            "分１ 夕食後服用",
            &[taken(d::WARFARIN_1, "2.5").caution("納豆・青汁・クロレラは避けてください。出血しやすくなります")],
        ),
        oral("分１ 朝食後服用", &[taken(d::AMLODIPINE_5, "1"), taken(d::FUROSEMIDE_20, "0.5"), taken(d::VONOPRAZAN_10, "1")]),
        oral("分２ 朝夕食後服用", &[taken(d::BISOPROLOL_0_625, "1.5")]),
        oral(
            "分３ 毎食後服用",
            &[taken(d::MAGNESIUM_300, "6")
                .split("朝：３錠、昼：１錠、夕：２錠")
                .caution("便がゆるくなったら、医師か薬剤師に相談してください")],
        ),
    ];
    again_and_again(scribe, (&station, &places::CARDIOLOGY), HEART, (10, 28, 14));
    const BONES: &[Course] = &[
        oral_for(
            4,
            "【週１回 起床時】",
            &[taken(d::ALENDRONATE_35, "1").caution("コップ１杯の水で服用し、30分は横にならないでください")],
        )
        .noted(&["毎週日曜日に服用"]),
        as_needed(20, "疼痛時服用 １日３回まで", &[taken(d::ACETAMINOPHEN_500, "1").caution("６時間以上あけてください")]),
        external("１日１回 両膝に貼付", &[taken(d::KETOPROFEN_TAPE, "28")]),
    ];
    again_and_again(scribe, (&narrow, &places::ORTHOPAEDICS), BONES, (20, 28, 6));
    const EYES: &[Course] = &[external("１日１回 就寝前 両眼に点眼", &[taken(d::LATANOPROST, "2.5")])];
    again_and_again(scribe, (&station, &places::EYES), EYES, (40, 60, 5));
    sleep_that_ended_yesterday(scribe, &station);
    cold_sent_again(scribe, &narrow);
    notes_of_the_old_woman(scribe, station);
    Patient {
        name: "見本 花子".to_owned(),
        kana: "ミホン ハナコ".to_owned(),
        sex: Sex::Female,
        birth: date(born_years_ago(scribe, 82, FIRST_DAYS)),
        postcode: "000-0000".to_owned(),
        address: "見本県例示市架空町1-2-3".to_owned(),
        phone: "000-000-1001".to_owned(),
        emergency_contact: "000-000-1002".to_owned(),
        blood_type: "A+".to_owned(),
        weight_kg: "46.5".to_owned(),
        external_ids: vec!["demo:0000".to_owned()],
    }
}

fn sleep_that_ended_yesterday(scribe: &mut Scribe, pharmacy: &Pharmacy) {
    const COURSES: &[Course] =
        &[oral_for(14, "分１ 就寝前服用", &[taken(d::LEMBOREXANT_5, "1").caution("夜中のふらつきに注意してください")])];
    again_and_again(scribe, (pharmacy, &places::INTERNAL), COURSES, (14, 14, 3));
}

/// A cold, sent twice with a different number of days.
fn cold_sent_again(scribe: &mut Scribe, pharmacy: &Pharmacy) {
    let day = scribe.ago(6);
    const COURSES: &[Course] = &[oral_for(5, "分３ 毎食後服用", &[taken(d::CARBOCISTEINE_500, "3")])];
    let said = visit(day, pharmacy, &places::INTERNAL, COURSES);
    scribe.visit(day, pharmacy, said.clone());
    sent_again_differently(scribe, *pharmacy, day, &said);
}

fn notes_of_the_old_woman(scribe: &mut Scribe, pharmacy: Pharmacy) {
    let (asked, by) = (scribe.ago(400), pharmacy.pharmacist);
    let notes = [
        (NoteKind::Allergy, "ペニシリン系抗生物質（全身のじんましん・呼吸困難、2009年）"),
        (NoteKind::Allergy, "そば"),
        (NoteKind::SideEffect, "ロキソプロフェンで胃潰瘍（2018年）"),
        (NoteKind::History, "心房細動"),
        (NoteKind::History, "高血圧症"),
        (NoteKind::History, "骨粗鬆症"),
        (NoteKind::Other, "錠剤が飲みこみにくい。一包化を希望"),
    ];
    for (kind, text) in notes {
        scribe.say(asked, Content::Note(note(kind, text, asked, by)), from_pharmacy(&pharmacy));
    }
    let (chosen, bought_on, wrote) = (scribe.ago(390), scribe.ago(25), scribe.ago(2));
    scribe.say(chosen, Content::FamilyPharmacist(family_pharmacist(pharmacy, chosen)), from_pharmacy(&pharmacy));
    scribe.say(bought_on, Content::Otc(bought(2, bought_on)), from_patient());
    scribe.say(wrote, Content::OwnEntry(own_entry(wrote, "足のむくみが少し出てきた")), from_patient());
    let memo = Memo { text: "INR 2.1（前回 1.9）".to_owned(), on: date(scribe.ago(10)), creator: Some(Creator::Medical) };
    scribe.say(scribe.ago(10), Content::Memo(memo), from_pharmacy(&pharmacy));
}

/// 58 years: insulin, inhaler, as needed, prednisolone going down, and an entry that he hides.
fn man_with_insulin(scribe: &mut Scribe) -> Patient {
    let [_, narrow, plain, university] = PHARMACIES;
    const SUGAR: &[Course] = &[
        injection(
            "【１日２回 朝14単位 夕6単位】",
            &[taken(d::INSULIN_ASPART_CARTRIDGE, "2").caution("使い始めたら室温で保管し、４週間以内に使ってください")],
        ),
        injection("【１日１回 就寝前10単位】", &[taken(d::INSULIN_DEGLUDEC_PEN, "1")]),
        oral(
            "分２ 朝夕食後服用",
            &[taken(d::METFORMIN_250, "4").caution("食事がとれないときは服用せず、医師に連絡してください")],
        ),
        oral("分１ 朝食後服用", &[taken(d::DAPAGLIFLOZIN_5, "1"), taken(d::ROSUVASTATIN_2_5, "1")]),
    ];
    again_and_again(scribe, (&narrow, &places::DIABETES), SUGAR, (12, 28, 12));
    const CHEST: &[Course] = &[
        external("１日１回 １吸入", &[taken(d::VILANTEROL_FLUTICASONE, "1").caution("吸入後はうがいをしてください")]),
        external("発作時 １回２吸入", &[taken(d::SALBUTAMOL, "1")]),
        oral("分１ 就寝前服用", &[taken(d::MONTELUKAST_10, "1")]),
    ];
    again_and_again(scribe, (&plain, &places::CHEST), CHEST, (5, 28, 8));
    again_and_again(scribe, (&university, &places::RHEUMATOLOGY), &TAPERING, (9, 28, 1));
    pain_and_teeth(scribe, &narrow);
    let asked = scribe.ago(200);
    for (kind, text) in [
        (NoteKind::Allergy, ""),
        (NoteKind::SideEffect, ""),
        (NoteKind::History, "２型糖尿病"),
        (NoteKind::History, "気管支喘息"),
    ] {
        scribe.say(asked, Content::Note(note(kind, text, asked, narrow.pharmacist)), from_pharmacy(&narrow));
    }
    const HIDDEN_COURSE: &[Course] = &[oral("分１ 夕食後服用", &[taken(d::SERTRALINE_25, "1")])];
    if let Some(hidden) = again_and_again(scribe, (&university, &places::MIND), HIDDEN_COURSE, (16, 28, 1)) {
        scribe.say(scribe.ago(15), concealed(hidden), from_patient());
    }
    let wrote = scribe.ago(1);
    scribe.say(wrote, Content::OwnEntry(own_entry(wrote, "血糖 朝食前 118、夕食前 146")), from_patient());
    Patient {
        name: "例山 一郎".to_owned(),
        kana: "レイヤマ イチロウ".to_owned(),
        sex: Sex::Male,
        birth: date(born_years_ago(scribe, 58, 40)),
        postcode: "000-0000".to_owned(),
        address: "見本県例示市架空町4-5".to_owned(),
        phone: "000-000-2001".to_owned(),
        blood_type: "O".to_owned(),
        weight_kg: "71.0".to_owned(),
        external_ids: vec!["demo:0001".to_owned()],
        ..Patient::default()
    }
}

/// Two prescribers of one visit, leftovers, and what a hospital passes on.
fn pain_and_teeth(scribe: &mut Scribe, pharmacy: &Pharmacy) {
    let day = scribe.ago(3);
    const HEAD: &[Course] =
        &[as_needed(10, "頭痛時服用", &[taken(d::SUMATRIPTAN_50, "1").caution("１日４錠まで、２時間以上あけてください")])];
    const TEETH: &[Course] = &[oral_for(3, "分３ 毎食後服用", &[taken(d::CEFCAPENE_100, "3")])];
    let mut both = visit(day, pharmacy, &places::INTERNAL, HEAD);
    let mut second = prescription(pharmacy, &places::DENTIST, TEETH);
    second.groups.iter_mut().for_each(|group| group.rp = 2);
    both.prescriptions.push(second);
    both.leftovers.push(remark("メトホルミンが夕食後に5日分残っている"));
    both.provided.push(ProvidedInfo {
        text: "入院中、造影剤の使用前後はメトホルミンを休薬した".to_owned(),
        kind: "31".to_owned(),
        creator: Some(Creator::Medical),
    });
    scribe.visit(day, pharmacy, both);
}

/// 6 years: asthma, eczema, fevers; allergies were never asked about.
fn child(scribe: &mut Scribe) -> Patient {
    let [station, _, plain, _] = PHARMACIES;
    const ASTHMA: &[Course] = &[
        oral("分１ 就寝前服用", &[taken(d::MONTELUKAST_CHEWABLE_5, "1").caution("かんでから飲みこんでください")]),
        external("発作時 １回１吸入", &[taken(d::PROCATEROL, "1").caution("１日４回まで")]),
    ];
    again_and_again(scribe, (&station, &places::CHILDREN), ASTHMA, (8, 28, 7));
    const SKIN: &[Course] = &[
        external("１日２回 全身に塗布", &[taken(d::HEPARINOID, "100")]),
        external("１日１回 赤い所に塗布", &[taken(d::BETAMETHASONE, "5").caution("顔には塗らないでください")]),
    ];
    again_and_again(scribe, (&plain, &places::SKIN), SKIN, (30, 45, 4));
    const FEVER: &[Course] = &[
        oral_for(5, "分３ 毎食後服用", &[taken(d::CARBOCISTEINE_DS, "1.2"), taken(d::TIPEPIDINE_DS, "1.5")]).noted(&["混合"]),
        external("１日１回 胸か背中に貼付", &[taken(d::TULOBUTEROL_TAPE, "5")]),
        as_needed(4, "発熱時 ３８．５度以上で服用 ６時間以上あける", &[taken(d::ACETAMINOPHEN_GRANULES, "0.9")]),
    ];
    again_and_again(scribe, (&station, &places::CHILDREN), FEVER, (2, 95, 5));
    let wrote = scribe.ago(2);
    scribe.say(wrote, Content::OwnEntry(own_entry(wrote, "粉薬はヨーグルトにまぜると飲めた")), from_patient());
    Patient {
        name: "仮野 さくら".to_owned(),
        kana: "カリノ サクラ".to_owned(),
        sex: Sex::Female,
        birth: date(born_years_ago(scribe, 6, 75)),
        postcode: "000-0000".to_owned(),
        address: "見本県例示市架空町6-7".to_owned(),
        phone: "000-000-3001".to_owned(),
        emergency_contact: "000-000-3002".to_owned(),
        weight_kg: "18.6".to_owned(),
        external_ids: vec!["demo:0002".to_owned()],
        ..Patient::default()
    }
}

/// Sounds like the first of them, born a day later, at another address: what the one must never be given (loxoprofen, a cephalosporin), the other takes;
/// and she takes no warfarin.
fn near_twin(scribe: &mut Scribe) -> Patient {
    let [station, _, plain, _] = PHARMACIES;
    const SUGAR: &[Course] = &[
        oral("分２ 朝夕食後服用", &[taken(d::METFORMIN_250, "2")]),
        oral("分１ 朝食後服用", &[taken(d::CANDESARTAN_8, "1"), taken(d::ROSUVASTATIN_2_5, "1")]),
    ];
    again_and_again(scribe, (&plain, &places::INTERNAL), SUGAR, (11, 28, 10));
    const KNEES: &[Course] = &[as_needed(20, "疼痛時服用 １日２回まで", &[taken(d::LOXOPROFEN_60, "1")])];
    again_and_again(scribe, (&station, &places::ORTHOPAEDICS), KNEES, (18, 35, 4));
    const TEETH: &[Course] = &[oral_for(3, "分３ 毎食後服用", &[taken(d::CEFCAPENE_100, "3")])];
    again_and_again(scribe, (&plain, &places::DENTIST), TEETH, (90, 120, 2));
    let asked = scribe.ago(150);
    for (kind, text) in [(NoteKind::Allergy, ""), (NoteKind::SideEffect, ""), (NoteKind::History, "２型糖尿病")] {
        scribe.say(asked, Content::Note(note(kind, text, asked, plain.pharmacist)), from_pharmacy(&plain));
    }
    Patient {
        name: "見本 華子".to_owned(),
        kana: "ミホン ハナコ".to_owned(),
        sex: Sex::Female,
        birth: date(born_years_ago(scribe, 82, FIRST_DAYS - 1)),
        postcode: "000-0000".to_owned(),
        address: "見本県例示市仮町8-9".to_owned(),
        phone: "000-000-4001".to_owned(),
        external_ids: vec!["demo:0003".to_owned()],
        ..Patient::default()
    }
}
