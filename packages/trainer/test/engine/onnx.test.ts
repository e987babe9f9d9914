import { createOnnxTrainingEngine } from '../../src/engine/onnx';
import { describeTrainingEngine } from './contract';

describeTrainingEngine('onnx', () => Promise.resolve(createOnnxTrainingEngine));
