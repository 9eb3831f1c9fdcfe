"""Tables of anatomy and of what people do: limits of joints, stances, arm poses.

Angles are degrees of anatomy, zero = standing upright, arms hanging, palms to the body.
"""

from collections.abc import Mapping

# Lowest and highest value of every angle. Angles of limbs occur once per side.
LIMITS: dict[str, tuple[float, float]] = {
    "pitch": (-180, 180),  # of the pelvis: forward is positive
    "roll": (-180, 180),
    "spine_flex": (-35, 75),
    "spine_side": (-35, 35),
    "spine_twist": (-40, 40),
    "neck_flex": (-45, 45),
    "neck_side": (-35, 35),
    "neck_twist": (-70, 70),
    "hip_flex": (-25, 125),
    "hip_abduct": (-20, 60),
    "hip_turn": (-35, 50),  # outward is positive
    "knee": (0, 145),
    "ankle": (-45, 28),  # toes up is positive
    "arm_raise": (0, 178),  # 0 = down, 90 = level, 180 = up
    "arm_front": (-50, 130),  # direction in which it is raised: 0 = to the side, 90 = to the front
    "arm_turn": (-85, 85),  # outward is positive
    "elbow": (3, 148),
    "pronate": (-85, 85),
    "wrist_flex": (-60, 70),
    "wrist_side": (-25, 20),
    "curl": (0, 85),
}
LIMB_ANGLES = tuple(LIMITS)[8:]

Spread = Mapping[str, tuple[float, float]]  # angle -> mean, standard deviation; ".L" or ".R" for one side
COMMON: Spread = {
    "pitch": (3, 4), "roll": (0, 2), "spine_flex": (2, 7), "spine_side": (0, 4), "spine_twist": (0, 7),
    "neck_flex": (4, 12), "neck_side": (0, 6), "neck_twist": (0, 22),
    "hip_flex": (3, 5), "hip_abduct": (4, 4), "hip_turn": (8, 7), "knee": (6, 6), "ankle": (0, 4),
    "wrist_flex": (5, 12), "wrist_side": (0, 7), "curl": (22, 14), "pronate": (10, 20),
}  # fmt: skip

# Trunk and legs. "level" = 1 keeps the soles parallel to the ground.
STANCES: dict[str, tuple[float, Spread]] = {
    "standing": (5, {"level": (1, 0)}),
    "contrapposto": (3, {
        "level": (1, 0), "roll": (-6, 3), "spine_side": (8, 4), "hip_flex.L": (14, 7), "knee.L": (26, 9),
        "hip_abduct.L": (9, 5), "hip_turn.L": (18, 9), "hip_abduct.R": (-3, 2), "knee.R": (2, 2),
    }),
    "wide": (1.5, {"level": (1, 0), "hip_abduct": (18, 6), "hip_turn": (15, 8), "knee": (10, 10)}),
    "walking": (4, {
        "hip_flex.L": (24, 7), "knee.L": (12, 8), "hip_flex.R": (-10, 5), "knee.R": (18, 12),
        "spine_twist": (-8, 5),
        "ankle.L": (4, 6), "ankle.R": (-12, 8),
    }),
    "running": (2, {
        "pitch": (9, 4), "hip_flex.L": (62, 16), "knee.L": (75, 20), "hip_flex.R": (-14, 6),
        "knee.R": (35, 25),
        "ankle.R": (-25, 10), "spine_twist": (-12, 7), "spine_flex": (8, 5),
    }),
    "lunging": (1.5, {
        "level": (0.7, 0.2), "hip_flex.L": (75, 14), "knee.L": (80, 15), "hip_flex.R": (-15, 7),
        "knee.R": (35, 20),
        "spine_flex": (12, 10),
    }),
    "kicking": (1, {
        "pitch": (-8, 6), "hip_flex.L": (82, 18), "knee.L": (22, 18), "knee.R": (12, 8),
        "spine_flex": (15, 10),
        "hip_abduct.L": (10, 10), "ankle.L": (-20, 15),
    }),
    "one_leg": (1, {
        "hip_flex.L": (70, 18), "knee.L": (95, 22), "hip_abduct.L": (18, 12), "hip_turn.L": (22, 15),
    }),
    "jumping": (1, {"hip_flex": (35, 30), "knee": (55, 35), "ankle": (-25, 10), "hip_abduct": (14, 9)}),
    "sitting": (4, {
        "level": (0.9, 0.1), "pitch": (-6, 8), "hip_flex": (84, 8), "knee": (85, 14), "hip_abduct": (9, 7),
        "hip_turn": (3, 7), "spine_flex": (16, 11),
    }),
    "cross_legged": (1, {
        "pitch": (-5, 6), "hip_flex": (88, 8), "hip_abduct": (38, 7), "hip_turn": (38, 7), "knee": (118, 8),
        "spine_flex": (20, 10),
    }),
    "long_sitting": (0.7, {"pitch": (-12, 8), "hip_flex": (80, 8), "knee": (12, 14), "spine_flex": (22, 10)}),
    "crouching": (2, {
        "level": (0.8, 0.2), "pitch": (15, 10), "hip_flex": (108, 10), "knee": (125, 12),
        "hip_abduct": (17, 9),
        "hip_turn": (14, 9), "spine_flex": (26, 12),
    }),
    "squatting": (1, {
        "level": (1, 0), "pitch": (22, 8), "hip_flex": (75, 15), "knee": (80, 18), "hip_abduct": (17, 8),
        "hip_turn": (14, 8),
    }),
    "kneeling": (1, {"hip_flex": (8, 10), "knee": (95, 10), "ankle": (-35, 8), "hip_abduct": (6, 5)}),
    "half_kneeling": (1, {
        "hip_flex.L": (88, 8), "knee.L": (92, 10), "hip_flex.R": (0, 6), "knee.R": (92, 8),
        "ankle.R": (-25, 15),
    }),
    "bending": (1.5, {
        "level": (1, 0), "pitch": (45, 15), "hip_flex": (48, 15), "spine_flex": (38, 14), "knee": (14, 12),
        "neck_flex": (-5, 18),
    }),
    "all_fours": (0.7, {
        "pitch": (82, 6), "hip_flex": (80, 8), "knee": (92, 8), "ankle": (-35, 8), "neck_flex": (-25, 12),
        "spine_flex": (5, 6),
    }),
    "supine": (0.8, {"pitch": (-90, 5), "hip_flex": (18, 22), "knee": (28, 28), "hip_turn": (18, 12)}),
    "prone": (0.5, {
        "pitch": (90, 5), "hip_flex": (0, 6), "knee": (12, 20), "neck_twist": (45, 15), "ankle": (-35, 8),
    }),
    "on_side": (0.5, {
        "roll": (88, 8), "hip_flex": (45, 25), "knee": (55, 28), "spine_flex": (15, 10),
        "neck_side": (-5, 10),
    }),
    "knee_over_knee": (0, {  # 0: of groups only
        "level": (0.2, 0.2), "pitch": (-8, 7), "hip_flex": (84, 6), "knee": (82, 10), "hip_abduct": (4, 4),
        "hip_flex.L": (104, 6), "knee.L": (72, 14), "hip_abduct.L": (-14, 4), "hip_turn.L": (-6, 6),
        "hip_turn": (2, 5), "spine_flex": (14, 10), "ankle": (-15, 10),
    }),
    "leaning_back": (0.8, {"pitch": (-18, 8), "hip_flex": (25, 12), "knee": (25, 15), "level": (1, 0)}),
}  # fmt: skip

# One arm each; both arms share one entry in most poses.
ARMS: dict[str, tuple[float, Spread]] = {
    "hanging": (6, {"arm_raise": (9, 5), "arm_front": (30, 35), "arm_turn": (0, 12), "elbow": (18, 10)}),
    "swung_forward": (2, {
        "arm_raise": (30, 12), "arm_front": (80, 8), "arm_turn": (-10, 12), "elbow": (55, 28),
    }),
    "swung_back": (2, {
        "arm_raise": (32, 12), "arm_front": (-38, 10), "arm_turn": (0, 10), "elbow": (55, 28),
    }),
    "on_hip": (2.5, {
        "arm_raise": (42, 6), "arm_front": (-22, 9), "arm_turn": (-52, 7), "elbow": (88, 8),
        "pronate": (-5, 15),
        "wrist_flex": (25, 12),
    }),
    "crossed": (2, {
        "arm_raise": (28, 5), "arm_front": (72, 7), "arm_turn": (-52, 6), "elbow": (98, 6),
        "pronate": (30, 15),
        "wrist_flex": (0, 6),
    }),
    "folded_low": (1.5, {
        "arm_raise": (22, 6), "arm_front": (62, 12), "arm_turn": (-42, 8), "elbow": (55, 9), "curl": (40, 15),
    }),
    "behind_back": (1, {
        "arm_raise": (26, 5), "arm_front": (-48, 2), "arm_turn": (-35, 8), "elbow": (45, 10),
    }),
    "to_the_side": (1.5, {
        "arm_raise": (85, 18), "arm_front": (5, 18), "arm_turn": (0, 28), "elbow": (15, 16),
    }),
    "overhead": (2.5, {
        "arm_raise": (158, 14), "arm_front": (25, 35), "arm_turn": (0, 25), "elbow": (22, 22),
    }),
    "waving": (2, {"arm_raise": (82, 20), "arm_front": (18, 25), "arm_turn": (72, 12), "elbow": (80, 28)}),
    "pointing": (2, {"arm_raise": (85, 16), "arm_front": (85, 22), "arm_turn": (0, 22), "elbow": (14, 12)}),
    "reaching": (2, {"arm_raise": (60, 20), "arm_front": (78, 20), "arm_turn": (5, 20), "elbow": (42, 24)}),
    "carrying": (3, {"arm_raise": (18, 9), "arm_front": (60, 25), "arm_turn": (-5, 14), "elbow": (85, 14)}),
    "phone": (1.5, {
        "arm_raise": (26, 8), "arm_front": (72, 14), "arm_turn": (-22, 9), "elbow": (112, 10),
        "pronate": (-30, 20),
    }),
    "to_the_face": (1.5, {
        "arm_raise": (45, 10), "arm_front": (78, 14), "arm_turn": (-12, 9), "elbow": (138, 6),
        "pronate": (0, 25),
    }),
    "behind_head": (1, {
        "arm_raise": (128, 9), "arm_front": (-4, 8), "arm_turn": (78, 6), "elbow": (128, 8),
    }),
    "on_lap": (0.5, {
        "arm_raise": (22, 8), "arm_front": (75, 12), "arm_turn": (-15, 10), "elbow": (62, 12),
        "pronate": (45, 15),
    }),
    "round_shoulders": (0, {  # of somebody beside, as below
        "arm_raise": (88, 10), "arm_front": (-20, 9), "arm_turn": (12, 12), "elbow": (42, 20),
        "wrist_flex": (20, 15),
    }),
    "round_waist": (0, {
        "arm_raise": (38, 8), "arm_front": (-34, 9), "arm_turn": (-8, 10), "elbow": (48, 16),
        "wrist_flex": (15, 15),
    }),
    "boxing": (1, {
        "arm_raise": (38, 12), "arm_front": (68, 14), "arm_turn": (-12, 12), "elbow": (122, 14),
        "curl": (78, 8),
    }),
}  # fmt: skip
ARMS_OF_STANCE: dict[str, tuple[tuple[str, str], ...]] = {  # left, right: what such a body usually does
    "walking": (("swung_back", "swung_forward"), ("hanging", "hanging")),
    "running": (("swung_back", "swung_forward"),),
    "sitting": (("on_lap", "on_lap"), ("folded_low", "folded_low"), ("carrying", "carrying")),
    "cross_legged": (("on_lap", "on_lap"),),
    "bending": (("reaching", "reaching"), ("pointing", "hanging")),
    "all_fours": (("pointing", "pointing"),),
    "crouching": (("on_lap", "on_lap"), ("reaching", "reaching"), ("reaching", "on_lap")),
}
