//! What is treated, where, at which ages, and with which courses.

use super::courses::{Course, as_needed, external, injection, oral, oral_for, taken};
use super::drugs as d;
use super::places::{self, Hospital};

/// Something that is treated for years.
pub(super) struct Ailment {
    /// As the history note writes it; empty where none is written.
    pub(super) history: &'static str,
    pub(super) hospital: Hospital,
    /// At which ages it occurs here.
    pub(super) ages: std::ops::RangeInclusive<i16>,
    /// How often: weight among the others of that age.
    pub(super) weight: u32,
    pub(super) courses: &'static [Course],
}

const fn ailment(
    history: &'static str,
    hospital: Hospital,
    ages: std::ops::RangeInclusive<i16>,
    weight: u32,
    courses: &'static [Course],
) -> Ailment {
    Ailment { history, hospital, ages, weight, courses }
}

/// Treated for years.
pub(super) const LASTING: &[Ailment] = &[
    ailment(
        "高血圧症",
        places::INTERNAL,
        45..=105,
        14,
        &[oral("分１ 朝食後服用", &[taken(d::AMLODIPINE_5, "1"), taken(d::AZILSARTAN_20, "1")])],
    ),
    ailment(
        "高血圧症",
        places::INTERNAL,
        40..=105,
        8,
        &[oral("分１ 朝食後服用", &[taken(d::AMLODIPINE_2_5, "1"), taken(d::OLMESARTAN_20, "1")])],
    ),
    ailment("脂質異常症", places::INTERNAL, 40..=90, 9, &[oral("分１ 夕食後服用", &[taken(d::ROSUVASTATIN_2_5, "1")])]),
    ailment("脂質異常症", places::INTERNAL, 40..=90, 5, &[oral("分１ 夕食後服用", &[taken(d::ATORVASTATIN_10, "1")])]),
    ailment(
        "２型糖尿病",
        places::DIABETES,
        40..=90,
        7,
        &[
            oral(
                "分３ 毎食後服用",
                &[taken(d::METFORMIN_250, "3").caution("シックデイには服用を中止し、医師に連絡してください")],
            ),
            oral("分１ 朝食後服用", &[taken(d::SITAGLIPTIN_50, "1"), taken(d::DAPAGLIFLOZIN_5, "1")]),
        ],
    ),
    ailment(
        "２型糖尿病（インスリン治療中）",
        places::DIABETES,
        35..=90,
        4,
        &[
            injection("【１日３回 朝6単位 昼4単位 夕6単位 毎食直前】", &[taken(d::INSULIN_ASPART_PEN, "2")]),
            injection("【１日１回 就寝前10単位】", &[taken(d::INSULIN_DEGLUDEC_PEN, "1")]),
            oral("分３ 毎食直前服用", &[taken(d::VOGLIBOSE_0_3, "3")]),
        ],
    ),
    ailment(
        "２型糖尿病（インスリン治療中）",
        places::DIABETES,
        55..=95,
        3,
        &[
            injection("【１日２回 朝14単位 夕6単位】", &[taken(d::INSULIN_ASPART_CARTRIDGE, "2")]),
            injection("【週１回 日曜日】", &[taken(d::DULAGLUTIDE, "4")]),
        ],
    ),
    ailment(
        "心房細動",
        places::CARDIOLOGY,
        60..=100,
        4,
        &[
            oral("分１ 夕食後服用", &[taken(d::WARFARIN_1, "2.5").caution("納豆・青汁・クロレラは避けてください")]),
            oral("分１ 朝食後服用", &[taken(d::BISOPROLOL_2_5, "1")]),
        ],
    ),
    ailment(
        "心房細動",
        places::CARDIOLOGY,
        60..=100,
        5,
        &[oral("分２ 朝夕食後服用", &[taken(d::APIXABAN_2_5, "2").caution("飲み忘れに注意してください")])],
    ),
    ailment(
        "心房細動",
        places::CARDIOLOGY,
        60..=100,
        3,
        &[oral("分１ 朝食後服用", &[taken(d::EDOXABAN_30, "1"), taken(d::DIGOXIN_0_0625, "1")])],
    ),
    ailment("深部静脈血栓症", places::CARDIOLOGY, 40..=90, 1, &[oral("分１ 朝食後服用", &[taken(d::RIVAROXABAN_15, "1")])]),
    ailment(
        "脳梗塞",
        places::CARDIOLOGY,
        60..=95,
        3,
        &[oral("分１ 朝食後服用", &[taken(d::CLOPIDOGREL_75, "1"), taken(d::LANSOPRAZOLE_15, "1")])],
    ),
    ailment(
        "慢性心不全",
        places::CARDIOLOGY,
        65..=105,
        5,
        &[
            oral("分１ 朝食後服用", &[taken(d::FUROSEMIDE_20, "1.5"), taken(d::SPIRONOLACTONE_25, "1")]),
            oral("分２ 朝夕食後服用", &[taken(d::BISOPROLOL_0_625, "2")]),
        ],
    ),
    ailment(
        "狭心症",
        places::CARDIOLOGY,
        55..=100,
        3,
        &[
            oral("分１ 朝食後服用", &[taken(d::CANDESARTAN_8, "1")]),
            as_needed(
                10,
                "胸痛時 １回１錠 舌下",
                &[taken(d::NITROGLYCERIN_SL, "1").caution("飲み込まず、舌の下で溶かしてください")],
            ),
        ],
    ),
    ailment(
        "変形性膝関節症",
        places::ORTHOPAEDICS,
        55..=105,
        9,
        &[
            as_needed(20, "疼痛時服用", &[taken(d::LOXOPROFEN_60, "1"), taken(d::REBAMIPIDE_100, "1")]),
            external("１日１回 両膝に貼付", &[taken(d::KETOPROFEN_TAPE, "56").caution("貼った所に日光を当てないでください")]),
        ],
    ),
    ailment(
        "腰部脊柱管狭窄症",
        places::ORTHOPAEDICS,
        55..=105,
        5,
        &[
            oral(
                "分２ 朝夕食後服用",
                &[
                    taken(d::PREGABALIN_25, "3").split("朝：１錠、夕：２錠").caution("眠気・ふらつきに注意してください"),
                    taken(d::CELECOXIB_100, "2"),
                ],
            ),
            external("１日１回 腰に貼付", &[taken(d::LOXOPROFEN_TAPE, "28")]),
        ],
    ),
    ailment(
        "骨粗鬆症",
        places::ORTHOPAEDICS,
        60..=105,
        6,
        &[
            oral_for(
                4,
                "【週１回 起床時】",
                &[taken(d::ALENDRONATE_35, "1").caution("コップ１杯の水で服用し、30分は横にならないでください")],
            )
            .noted(&["毎週日曜日に服用"]),
            oral("分１ 朝食後服用", &[taken(d::ELDECALCITOL_0_75, "1")]),
        ],
    ),
    ailment(
        "",
        places::INTERNAL,
        50..=105,
        8,
        &[
            oral("分３ 毎食後服用", &[taken(d::MAGNESIUM_300, "3")]),
            as_needed(10, "便秘時 就寝前服用", &[taken(d::SENNOSIDE_12, "2")]),
        ],
    ),
    ailment(
        "不眠症",
        places::INTERNAL,
        35..=100,
        5,
        &[oral("分１ 就寝前服用", &[taken(d::LEMBOREXANT_5, "1").caution("服用後の車の運転はしないでください")])],
    ),
    ailment("不眠症", places::MIND, 25..=95, 3, &[as_needed(14, "不眠時服用", &[taken(d::ZOLPIDEM_5, "1")])]),
    ailment(
        "緑内障",
        places::EYES,
        45..=105,
        5,
        &[
            external("１日１回 就寝前 両眼に点眼", &[taken(d::LATANOPROST, "2.5")]),
            external(
                "１日２回 朝夕 両眼に点眼",
                &[taken(d::DORZOLAMIDE_TIMOLOL, "5").caution("２種類の目薬は５分以上あけてください")],
            ),
        ],
    ),
    ailment("", places::EYES, 20..=95, 3, &[external("１日５回 両眼に点眼", &[taken(d::HYALURONATE, "3")])]),
    ailment(
        "気管支喘息",
        places::CHEST,
        15..=85,
        4,
        &[
            external("１日１回 １吸入", &[taken(d::VILANTEROL_FLUTICASONE, "1").caution("吸入後はうがいをしてください")]),
            external("発作時 １回２吸入", &[taken(d::SALBUTAMOL, "1")]),
            oral("分１ 就寝前服用", &[taken(d::MONTELUKAST_10, "1")]),
        ],
    ),
    ailment("ＣＯＰＤ", places::CHEST, 55..=100, 3, &[external("１日１回 １回２吸入", &[taken(d::TIOTROPIUM, "1")])]),
    ailment(
        "関節リウマチ",
        places::RHEUMATOLOGY,
        30..=90,
        3,
        &[
            oral_for(
                4,
                "【週１回 土曜日 朝夕食後】",
                &[taken(d::METHOTREXATE_2, "3")
                    .split("朝：２Ｃ、夕：１Ｃ")
                    .caution("毎日飲む薬ではありません。週１回だけ服用してください")],
            ),
            oral_for(4, "【週１回 月曜日 朝食後】", &[taken(d::FOLIC_ACID_5, "1")]),
            oral("分１ 朝食後服用", &[taken(d::PREDNISOLONE_1, "3").caution("自分の判断で中止しないでください")]),
        ],
    ),
    ailment(
        "甲状腺機能低下症",
        places::INTERNAL,
        20..=95,
        3,
        &[oral("分１ 起床時服用", &[taken(d::LEVOTHYROXINE_50, "1"), taken(d::LEVOTHYROXINE_25, "0.5")])],
    ),
    ailment("痛風", places::INTERNAL, 35..=85, 3, &[oral("分１ 朝食後服用", &[taken(d::FEBUXOSTAT_10, "1")])]),
    ailment("前立腺肥大症", places::INTERNAL, 60..=100, 3, &[oral("分２ 朝夕食後服用", &[taken(d::SILODOSIN_4, "2")])]),
    ailment("過活動膀胱", places::INTERNAL, 60..=100, 2, &[oral("分１ 朝食後服用", &[taken(d::MIRABEGRON_50, "1")])]),
    ailment(
        "アルツハイマー型認知症",
        places::MIND,
        70..=105,
        3,
        &[oral("分１ 朝食後服用", &[taken(d::DONEPEZIL_5, "1")]), oral("分３ 毎食前服用", &[taken(d::YOKUKANSAN, "7.5")])],
    ),
    ailment("逆流性食道炎", places::INTERNAL, 35..=95, 5, &[oral("分１ 朝食後服用", &[taken(d::VONOPRAZAN_10, "1")])]),
    ailment("潰瘍性大腸炎", places::INTERNAL, 18..=60, 2, &[oral("分２ 朝夕食後服用", &[taken(d::MESALAZINE_500, "4")])]),
    ailment(
        "アレルギー性鼻炎",
        places::INTERNAL,
        12..=60,
        8,
        &[
            oral("分１ 空腹時（就寝前）服用", &[taken(d::BILASTINE_20, "1")]),
            external("１日１回 各鼻腔に２噴霧", &[taken(d::MOMETASONE_NASAL, "1")]),
            external("１日４回 両眼に点眼", &[taken(d::OLOPATADINE_EYE, "5")]),
        ],
    ),
    ailment(
        "アトピー性皮膚炎",
        places::SKIN,
        0..=50,
        7,
        &[
            external("１日２回 全身に塗布", &[taken(d::HEPARINOID, "100")]),
            external("１日２回 赤い所に塗布", &[taken(d::BETAMETHASONE, "10").caution("顔には塗らないでください")]),
        ],
    ),
    ailment(
        "気管支喘息",
        places::CHILDREN,
        2..=15,
        8,
        &[
            oral("分１ 就寝前服用", &[taken(d::MONTELUKAST_CHEWABLE_5, "1")]),
            external("発作時 １回１吸入", &[taken(d::PROCATEROL, "1")]),
        ],
    ),
    ailment(
        "てんかん",
        places::MIND,
        8..=70,
        2,
        &[oral(
            "分２ 朝夕食後服用",
            &[taken(d::LEVETIRACETAM_500, "2"), taken(d::VALPROATE_R_200, "3").split("朝：１錠、夕：２錠")],
        )
        .noted(&["一包化"])],
    ),
    ailment("うつ病", places::MIND, 18..=75, 4, &[oral("分１ 夕食後服用", &[taken(d::SERTRALINE_25, "1")])]),
    ailment(
        "片頭痛",
        places::INTERNAL,
        15..=60,
        4,
        &[as_needed(10, "頭痛時服用", &[taken(d::SUMATRIPTAN_50, "1").caution("１日４錠まで、２時間以上あけてください")])],
    ),
    ailment(
        "鉄欠乏性貧血",
        places::INTERNAL,
        14..=55,
        4,
        &[oral("分２ 朝夕食後服用", &[taken(d::IRON_50, "2").caution("便が黒くなることがあります")])],
    ),
    ailment(
        "こむら返り",
        places::INTERNAL,
        50..=95,
        3,
        &[as_needed(14, "足がつった時服用", &[taken(d::SHAKUYAKUKANZOTO, "2.5")])],
    ),
    ailment("腸閉塞の手術後", places::INTERNAL, 45..=95, 2, &[oral("分３ 毎食前服用", &[taken(d::DAIKENCHUTO, "15")])]),
    ailment(
        "２型糖尿病（インスリン治療中）",
        places::INTERNAL,
        65..=100,
        2,
        &[injection("【１日２回 朝12単位 夕8単位 食直前】", &[taken(d::INSULIN_MIX_PEN, "2")])],
    ),
    ailment(
        "気管支喘息",
        places::CHILDREN,
        5..=15,
        4,
        &[external(
            "１日２回 朝夕 １回２吸入",
            &[taken(d::SALMETEROL_FLUTICASONE, "1").caution("吸入後はうがいをしてください")],
        )],
    ),
    ailment("アレルギー性鼻炎", places::INTERNAL, 7..=60, 6, &[oral("分２ 朝夕食後服用", &[taken(d::FEXOFENADINE_60, "2")])]),
    ailment(
        "食物アレルギー（アナフィラキシー）",
        places::INTERNAL,
        12..=50,
        2,
        &[injection(
            "アナフィラキシー時 太ももの外側に注射",
            &[taken(d::ADRENALINE_PEN, "1").caution("使用したら、すぐに救急車を呼んでください")],
        )],
    ),
];

/// Over after days.
pub(super) const PASSING: &[Ailment] = &[
    ailment(
        "",
        places::INTERNAL,
        15..=100,
        10,
        &[
            oral_for(5, "分３ 毎食後服用", &[taken(d::CARBOCISTEINE_500, "3"), taken(d::TRANEXAMIC_250, "3")]),
            as_needed(10, "発熱時 ３８．５度以上で服用 ６時間以上あける", &[taken(d::ACETAMINOPHEN_500, "1")]),
            external("１日３～４回 うがい", &[taken(d::GARGLE, "30")]),
        ],
    ),
    ailment("", places::INTERNAL, 15..=90, 5, &[oral_for(5, "分３ 毎食前服用", &[taken(d::KAKKONTO, "7.5")])]),
    ailment(
        "",
        places::INTERNAL,
        13..=90,
        4,
        &[
            oral_for(5, "分２ 朝夕食後服用", &[taken(d::OSELTAMIVIR_75, "2").caution("必ず５日間飲みきってください")]),
            as_needed(6, "発熱時服用", &[taken(d::ACETAMINOPHEN_200, "2")]),
        ],
    ),
    ailment(
        "",
        places::DENTIST,
        12..=90,
        6,
        &[
            oral_for(3, "分３ 毎食後服用", &[taken(d::CEFCAPENE_100, "3")]),
            as_needed(5, "疼痛時服用", &[taken(d::LOXOPROFEN_60, "1")]),
        ],
    ),
    ailment("", places::INTERNAL, 15..=90, 3, &[oral_for(3, "分１ 朝食後服用", &[taken(d::LEVOFLOXACIN_500, "1")])]),
    ailment(
        "",
        places::INTERNAL,
        15..=90,
        4,
        &[
            oral_for(4, "分３ 毎食後服用", &[taken(d::BUTYRIC_BACTERIA, "3")]),
            as_needed(5, "吐き気時服用", &[taken(d::DOMPERIDONE_10, "1")]),
        ],
    ),
    ailment(
        "",
        places::CHILDREN,
        0..=12,
        20,
        &[
            oral_for(5, "分３ 毎食後服用", &[taken(d::CARBOCISTEINE_DS, "1.2"), taken(d::TIPEPIDINE_DS, "1.5")])
                .noted(&["混合"]),
            external("１日１回 胸か背中に貼付", &[taken(d::TULOBUTEROL_TAPE, "5")]),
            as_needed(4, "発熱時 ３８．５度以上で服用", &[taken(d::ACETAMINOPHEN_GRANULES, "0.8")]),
        ],
    ),
    ailment(
        "",
        places::CHILDREN,
        0..=6,
        8,
        &[external("発熱時 １回１個 挿入 ６時間以上あける", &[taken(d::ACETAMINOPHEN_SUPPOSITORY, "4")])],
    ),
    ailment(
        "",
        places::ORTHOPAEDICS,
        20..=90,
        5,
        &[oral_for(
            7,
            "分２ 朝夕食後服用",
            &[taken(d::TRAMADOL, "2").caution("眠気に注意してください"), taken(d::MECOBALAMIN_500, "2")],
        )],
    ),
];
