import { openDataset } from '../../src/source/open';
import { sourceBehaviour, sourceContract } from './contract';
import { COCO, COCO_ZIP, CSV, JSON_LINES, KARPATHY, KARPATHY_FLICKR, SPLIT_FOLDERS, TSV } from './shapes';

sourceContract([COCO, COCO_ZIP, CSV, TSV, JSON_LINES, SPLIT_FOLDERS, KARPATHY, KARPATHY_FLICKR]);

sourceBehaviour('synthetic', () => openDataset('synthetic:40'));
