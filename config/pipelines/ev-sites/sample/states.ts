/**
 * The states that the sample covers: FIPS, postal code, inhabitants (hundred thousands, 2019, rounded) and the first digit
 * of their ZIP codes. Only the inhabitants shape the sample: they make its map look like the country.
 */
export interface State {
  fips: string;
  postal: string;
  people: number;
  zip: string;
}

const TABLE = `01 AL 49 3;02 AK 7 9;04 AZ 73 8;05 AR 30 7;06 CA 395 9;08 CO 58 8;09 CT 36 0;10 DE 10 1;11 DC 7 2;12 FL 215 3;
13 GA 106 3;15 HI 14 9;16 ID 18 8;17 IL 127 6;18 IN 67 4;19 IA 32 5;20 KS 29 6;21 KY 45 4;22 LA 46 7;23 ME 13 0;
24 MD 60 2;25 MA 69 0;26 MI 100 4;27 MN 56 5;28 MS 30 3;29 MO 61 6;30 MT 11 5;31 NE 19 6;32 NV 31 8;33 NH 14 0;
34 NJ 89 0;35 NM 21 8;36 NY 195 1;37 NC 105 2;38 ND 8 5;39 OH 117 4;40 OK 40 7;41 OR 42 9;42 PA 128 1;44 RI 11 0;
45 SC 51 2;46 SD 9 5;47 TN 68 3;48 TX 290 7;49 UT 32 8;50 VT 6 0;51 VA 85 2;53 WA 76 9;54 WV 18 2;55 WI 58 5;
56 WY 6 8;72 PR 32 0`;

export const STATES: readonly State[] = TABLE.split(';').map((row) => {
  const [fips = '', postal = '', people = '', zip = ''] = row.trim().split(' ');
  return { fips, postal, people: Number(people), zip };
});
